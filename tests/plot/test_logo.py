"""Are letters as high as their values?"""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import genoarrays as ga
from genoarrays.errors import GenomeError
from genoarrays.plot.glyphs import stack
from genoarrays.plot.logo import information, plot_logo

from .test_tracks import letters_in

RNG = np.random.default_rng(0)
TOY = ga.Assembly("toy", {"chr1": 300})


def letters(values, name=None, **coords):
    dims = (*coords, "offset", "channel")
    return xr.DataArray(values, {"channel": list("ACGT"), **coords}, dims, name)


@given(arrays(float, (5, 4), elements=st.integers(-9, 9).map(float) | st.just(np.nan)))
def test_stack__fills_each_place_without_gaps(heights):
    bottom, low, high = stack(heights)
    for n, row in enumerate(heights):
        boxes = sorted(
            (bottom[n, i], bottom[n, i] + abs(v), v) for i, v in enumerate(row) if v < 0 or v > 0
        )
        below, above = [b for b in boxes if b[2] < 0], [b for b in boxes if b[2] > 0]
        for boxes in (below, above):
            edges = [e for b in boxes for e in b[:2]]
            np.testing.assert_allclose(edges[1:-1:2], edges[2::2], atol=1e-9)
        assert [b[2] for b in above] == sorted(b[2] for b in above)  # the largest is on top
        assert [-b[2] for b in below] == sorted((-b[2] for b in below), reverse=True)
        assert low[n] == pytest.approx(sum(b[2] for b in below))
        assert high[n] == pytest.approx(sum(b[2] for b in above))


def test_plot_logo__letters_stand_as_high_as_their_values():
    values = [[3.0, 1, 0, -2], [np.nan, 0, -1, 5]]
    (axes,) = plot_logo(letters(values)).axes
    found = [(c, round(y0, 6), round(y1, 6)) for c, _, _, y0, y1 in letters_in(axes)]
    assert found == [("T", -2, 0), ("C", 0, 1), ("A", 1, 4), ("G", -1, 0), ("T", 0, 5)]
    low, high = axes.get_ylim()
    assert low < -2
    assert high > 5


def test_plot_logo__values_go_to_the_letters_of_codes():
    codes = xr.DataArray(np.int8([0, 3, 4, 2]), dims="offset", attrs={"alphabet": "ACGT"})
    values = xr.DataArray([1.0, -2, 9, 3], dims="offset")
    (axes,) = plot_logo(values, codes).axes
    assert [c for c, *_ in letters_in(axes)] == ["A", "T", "G"]  # none at the unknown letter


def test_plot_logo__kmers_are_shared_over_their_bases():
    codes = xr.DataArray(
        np.int8([[0, 1, 2]]), dims=("sequence", "offset"), attrs={"alphabet": "ACGT"}
    )
    (axes,) = plot_logo(ga.one_hot(codes, order=2).isel(sequence=0)).axes
    found = [(c, round(y1, 6)) for c, *_, y1 in letters_in(axes)]
    assert found == [("A", 0.5), ("C", 1.0), ("G", 0.5)]


def test_plot_logo__rows_bear_the_labels_of_windows():
    dna = xr.DataArray(RNG.integers(0, 4, 300, dtype=np.int8), ga.genome_coords(TOY), ["position"],
                       attrs={"alphabet": "ACGT"})  # fmt: skip
    regions = ga.read_regions(["chr1:10-20:+", "chr1:40-50:-"], like=TOY)
    x = ga.windows(dna.to_dataset(name="dna"), regions, width=10, flank=2)
    figure = plot_logo(ga.one_hot(x.dna), highlight=(0, 3))
    assert [axes.get_title("left") for axes in figure.axes] == x.window.values.tolist()
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()][:3] == ["-2", "-1", "0"]
    drawn = ["".join(c for c, *_ in letters_in(axes)) for axes in figure.axes]
    codes = ["".join("ACGT"[c] for c in row) for row in x.dna.values]
    assert drawn == codes  # in the direction of the windows


def test_plot_logo__takes_plain_arrays_lists_and_any_letters():
    rna = RNG.dirichlet(np.ones(4), 6)
    figure = plot_logo({"one": rna, "two": rna[:3]}, letters="ACGU")
    assert [axes.get_title("left") for axes in figure.axes] == ["one", "two"]
    named = plot_logo({"one": letters(rna).rename("attribution")})  # one logo: the dict names it
    assert named.axes[0].get_title("left") == "one"
    assert {c for c, *_ in letters_in(figure.axes[0])} == set("ACGU")
    acids = "ACDEFGHIKLMNPQRSTVWY"
    assert len(plot_logo([RNG.dirichlet(np.ones(20), 3)], letters=acids).axes) == 1
    padded = np.concatenate([rna, np.full((3, 4), np.nan)])
    (axes,) = plot_logo(padded, letters="ACGU").axes
    assert axes.get_xlim() == (0, 6)


def test_plot_logo__bits_are_information():
    counts = np.array([[8, 0, 0, 0], [2, 2, 2, 2], [4, 4, 0, 0]])
    (axes,) = plot_logo(counts, bits=True).axes
    assert axes.get_ylim() == (0, 2)
    found = {(c, np.floor(x)): y1 - y0 for c, x, _, y0, y1 in letters_in(axes)}
    assert found == {("A", 0): 2, ("A", 2): pytest.approx(0.5), ("C", 2): pytest.approx(0.5)}
    skewed = information(np.array([[1.0, 0, 0, 0]]), background=[0.4, 0.1, 0.1, 0.4])
    assert skewed[0, 0] == pytest.approx(np.log2(1 / 0.4))


@pytest.mark.parametrize(("array", "options", "message"), [
    (letters(-np.ones((2, 4))), {"bits": True}, "no frequencies at place 0"),
    (np.zeros((2, 4)), {"bits": True}, "no frequencies at place 0"),
    (np.ones((2, 4)), {"bits": True, "background": [1, 1, 1, 1]}, "is no frequency for each"),
    (np.ones((2, 5)), {}, "there are 4 letters"),
    (np.ones((99, 2, 4)), {}, "99 logos are not drawn"),
    (np.ones((1001, 4)), {}, "1,001 places are too many"),
    ("ACGT", {}, "a str is no logo"),
    (xr.DataArray(np.ones((2, 3)), dims=("window", "offset")), {}, "give codes= to values"),
    (letters(np.ones((2, 4))).assign_coords(channel=["AA", "A", "B", "C"]), {}, "neither letters"),
    (xr.Dataset({"a": letters(np.ones((2, 4)))}), {}, "give one of its arrays"),
])  # fmt: skip
def test_plot_logo__refuses_bad_input_and_names_the_cure(array, options, message):
    with pytest.raises(GenomeError, match=message):
        plot_logo(array, **options)
    with pytest.raises(TypeError, match="2 names for 1 logos"):
        plot_logo(np.ones((2, 4)), names=["a", "b"])
