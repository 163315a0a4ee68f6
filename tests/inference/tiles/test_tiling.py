from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import region_columns
from genoarrays.inference.tiles.tiling import Tiling, output_of, strides_of
from genoarrays.models.signature import VariableSignature


def signature(dims, shape, **labels):
    return VariableSignature(dims, shape, "float32", labels)


def profile(bins, first, size):
    return {"first": first, "step": bins, "size": size}


@st.composite
def tilings(draw):
    """A tiling of a small genome, or of some regions of it, with three outputs."""
    bins = draw(st.integers(1, 3))
    step = bins * draw(st.integers(1, 4))
    width = max(step, bins * draw(st.integers(1, 12)))
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    size = before + width // bins + after
    lengths = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    axis = ga.GenomeAxis(ga.Assembly("toy", {f"chr{n}": v for n, v in enumerate(lengths)}))
    if draw(st.booleans()):
        axis = axis[draw(ga.testing.slices(axis.size))]
    outputs = {
        "one": signature((), ()),
        "tracks": signature(("track",), (2,), track=["a", "b"]),
        "profile": signature(
            ("track", "offset"), (2, size), track=["a", "b"],
            offset=profile(bins, -before * bins, size),
        ),
    }  # fmt: skip
    if axis.size == 0:
        axis = ga.GenomeAxis(axis.assembly)
    return Tiling(
        strides_of(axis, step, None),
        width,
        draw(st.sampled_from(["center", "mean"])),
        {name: output_of(name, s, width, step) for name, s in outputs.items()},
    )


def answer(tiling, tiles):
    """An answer for each tile that depends on its place only."""
    place = tiles.code * 1000 + tiles.start
    output = tiling.outputs["profile"].signature.shape[1]
    return {
        "one": np.sin(place).astype("float32"),
        "tracks": np.stack([np.cos(place), place], 1).astype("float32"),
        "profile": np.stack(
            [np.sin(place[:, None] * 7 + np.arange(output)), place[:, None] + np.zeros(output)], 1
        ).astype("float32"),
    }


def by_hand(tiling, name):
    """Values of all bins, by looking at every tile of the contig."""
    output, step, width = tiling.outputs[name], tiling.step, tiling.width
    axis, values = tiling.axes[name], []
    tiles = ga.tile_regions(axis.assembly, width, step)
    columns = region_columns(tiles)
    answers = answer(tiling, columns)[name]
    size = axis.bin_size
    for code, bin_ in zip(*axis.at(np.arange(axis.size)), strict=True):
        length = axis.assembly.lengths[code]
        start, end = bin_ * size, (bin_ + 1) * size
        rows = np.flatnonzero(columns.code == code)
        first = columns.start[rows]
        if tiling.overlap == "center":
            away = np.abs(2 * first + width - start - end)
            rows = rows[[int(np.argmin(away))]]
        else:
            rows = rows[(first <= start) & (first + width >= min(end, length))]
        assert len(rows)
        if name == "profile":
            offset = (start - columns.start[rows]) // size + output.skip
            found = answers[rows, :, offset]
        else:
            found = answers[rows]
        values.append(np.mean(found.astype("float64"), axis=0))
    return np.array(values)


@given(tilings(), st.integers(1, 5))
def test_tiling__is_what_one_finds_by_looking_at_every_tile(tiling, parts):
    edges = np.unique(np.linspace(0, tiling.strides.size, parts + 1).astype(int))
    for name in tiling.outputs:
        found = []
        for start, stop in pairwise(edges):
            stretch = tiling.stretch(start, stop)
            given = answer(tiling, stretch.tiles)[name]
            part = tiling.assemble(name, stretch, given)
            begin, end = tiling.place(name, [start, stop])
            assert len(part) == end - begin
            found.append(part)
        np.testing.assert_allclose(np.concatenate(found), by_hand(tiling, name), rtol=1e-6)


@given(tilings())
def test_tiling__lays_the_tiles_of_tile_regions(tiling):
    tiles = tiling.stretch(0, tiling.strides.size).tiles
    known = region_columns(ga.tile_regions(tiling.strides.assembly, tiling.width, tiling.step))
    places = set(zip(known.code.tolist(), known.start.tolist(), strict=True))
    assert set(zip(tiles.code.tolist(), tiles.start.tolist(), strict=True)) <= places
    assert (tiles.end - tiles.start <= tiling.strides.assembly.lengths[tiles.code]).all()


def test_strides_of__are_those_that_touch_the_regions_of_an_axis():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 95, "chr2": 40}))
    ds = xr.Dataset({"x": ("position", np.zeros(135))}, coords)
    some = ds.sel(position=["chr2:0-5", "chr1:19-21", "chr1:30-31", "chr1:94-95"])
    strides = strides_of(ga.axis_of(some), 10, None)
    labels = [(str(c), int(b)) for c, b in zip(*strides.labels(), strict=True)]
    assert labels == [("chr1", 10), ("chr1", 20), ("chr1", 30), ("chr1", 90), ("chr2", 0)]
    assert strides_of(ga.axis_of(some), 10, ["chr2"]).size == 1
    with pytest.raises(ga.RegionError, match="no position"):
        strides_of(ga.axis_of(some.sel(contig="chr1")), 10, ["chr2"])
    with pytest.raises(ga.ContigError, match="chrX"):
        strides_of(ga.axis_of(ds), 10, ["chrX"])


@pytest.mark.parametrize(
    ("labels", "width", "step", "match"),
    [
        (profile(3, 0, 4), 10, 10, "bins of 3 bp, and width=10"),
        (profile(5, 0, 4), 20, 12, "bins of 5 bp, and step=12"),
        (profile(5, -3, 8), 20, 20, "first offset=-3"),
        (profile(1, 5, 10), 20, 20, "covers 5-15 of tiles of 20 bp"),
        (profile(1, 0, 10), 20, 20, "covers 0-10 of tiles of 20 bp"),
    ],
)
def test_output_of__refuses_bins_that_do_not_lie_on_a_grid(labels, width, step, match):
    given = signature(("offset",), (labels["size"],), offset=labels)
    with pytest.raises(ga.RegionError, match=match):
        output_of("y", given, width, step)


def test_output_of__spreads_bins_without_labels_over_the_width():
    assert output_of("y", signature(("offset",), (4,)), 20, 20).bin_size == 5
    with pytest.raises(ga.RegionError, match="3 bins, which do not divide a width of 20"):
        output_of("y", signature(("offset",), (3,)), 20, 20)
