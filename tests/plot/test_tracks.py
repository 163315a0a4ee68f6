import io
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.errors import AssemblyError, ContigError, RegionError
from genoarrays.genome.regions import regions_dataset
from genoarrays.plot import plot_tracks

TOY = ga.Assembly("toy", {"chr1": 6000, "chr2": 3000})


def track(values, name="x", attrs=None, **coords):
    bin_size = TOY.size // values.shape[-1]
    return xr.DataArray(
        values, coords=ga.genome_coords(TOY, bin_size), dims=(*coords, "position"), name=name,
        attrs=attrs,
    ).assign_coords(coords)  # fmt: skip


def signal(*lines, bin_size=10):
    size = TOY.size // bin_size
    return np.random.default_rng(1).gamma(1.0, 2.0, (*lines, size)).astype(np.float32)


@pytest.fixture
def dna():
    codes = np.random.default_rng(0).integers(0, 5, TOY.size, dtype=np.int8)
    return track(codes, name="dna", attrs={"alphabet": "ACGT"})


@pytest.fixture
def table():
    return regions_dataset(
        ["chr1", "chr1", "chr2", "chr1"], [100, 150, 100, 700], [200, 300, 200, 720],
        ["+", "-", "+", "."], assembly=TOY, extra={"name": ["a", "b", "c", "d"]},
    )  # fmt: skip


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    return buffer.getvalue()


def line_of(axes, number=0):
    x, y = axes.lines[number].get_data()
    return np.asarray(x, float), np.asarray(y, float)


def test_plot_tracks__draws_steps_at_the_extents_of_bins():
    array = track(signal())
    axes = plot_tracks([array], "chr2:25-60").axes[0]
    x, y = line_of(axes)
    assert x.tolist() == [20, 30, 30, 40, 40, 50, 50, 60]
    np.testing.assert_allclose(y[::2], array.sel(position="chr2:20-60"))
    np.testing.assert_array_equal(y[::2], y[1::2])
    assert axes.get_xlim() == (25, 60)


def test_plot_tracks__draws_the_minus_strand_downwards():
    array = track(signal(2), strand=["+", "-"])
    axes = plot_tracks(array, "chr1:0-500").axes[0]
    up, down = line_of(axes, 0)[1], line_of(axes, 1)[1]
    part = array.sel(position="chr1:0-500")
    np.testing.assert_allclose(up[::2], part.sel(strand="+"))
    np.testing.assert_allclose(down[::2], -part.sel(strand="-"))
    low, high = axes.get_ylim()
    assert low == -high
    axes.figure.draw_without_rendering()
    assert not any("\N{MINUS SIGN}" in t.get_text() for t in axes.get_yticklabels())


def test_plot_tracks__bands_hold_the_mean_on_both_strands_when_reduced():
    array = track(signal(2, bin_size=1), strand=["+", "-"])
    axes = plot_tracks(array, "chr1").axes[0]
    bands = [band.get_paths()[0].vertices for band in axes.collections]
    assert bands[0][:, 1].max() == pytest.approx(
        float(array.sel(position="chr1", strand="+").max())
    )
    assert bands[2][:, 1].min() == pytest.approx(
        -float(array.sel(position="chr1", strand="-").max())
    )


def test_plot_tracks__leaves_gaps_for_missing_values_and_segments():
    values = signal()
    values[3:5] = np.nan
    whole = plot_tracks(track(values), "chr1:0-100").axes[0]
    assert np.isnan(line_of(whole)[1]).sum() == 4
    parts = track(signal()).sel(position=["chr1:0-30", "chr1:60-90"])
    x, y = line_of(plot_tracks(parts, "chr1:0-100").axes[0])
    assert np.flatnonzero(np.isnan(y)).tolist() == [6]
    assert x[[0, 5, 7, 12]].tolist() == [0, 30, 60, 90]


def test_plot_tracks__several_samples_are_lines_and_many_a_heat_map():
    few = plot_tracks(track(signal(3), sample=["a", "b", "c"]), "chr1:0-500").axes[0]
    assert [t.get_text() for t in few.get_legend().get_texts()] == ["a", "b", "c"]
    values = signal(9)
    many = plot_tracks(track(values, sample=list("abcdefghi")), "chr1:0-500").axes[0]
    mesh = many.collections[0]
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(9, 50), values[:, :50])
    assert [t.get_text() for t in many.get_yticklabels()] == list("abcdefghi")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_plot_tracks__labels_are_blocks_from_start_to_end(dtype):
    values = np.zeros(TOY.size // 10, dtype=dtype)
    values[[3, 4, 9]] = 1
    axes = plot_tracks(track(values), "chr1:0-500").axes[0]
    blocks = [path.vertices[:, 0] for path in axes.collections[-1].get_paths()]
    assert [(b.min(), b.max()) for b in blocks] == [(30, 50), (90, 100)]
    assert len(axes.lines) == 0


def test_plot_tracks__counts_of_zero_and_one_are_no_labels():
    values = np.zeros(TOY.size // 10, dtype=np.uint32)
    values[[3, 4, 9]] = 1
    axes = plot_tracks(track(values), "chr1:0-500").axes[0]
    assert line_of(axes)[1][::2].tolist() == values[:50].tolist()


def test_plot_tracks__dna_is_letters_then_colors_then_gc(dna):
    letters = plot_tracks(dna, "chr2:40-100").axes[0]
    codes = dna.sel(position="chr2:40-100").values
    assert "".join(p.get_gid() for p in letters.patches) == "".join("ACGTN"[c] for c in codes)
    for base, patch in enumerate(letters.patches, start=40):
        box = patch.get_path().get_extents()
        assert base < box.x0 < box.x1 < base + 1
    strip = plot_tracks(dna, "chr2:40-400").axes[0]
    shown = np.ma.filled(strip.collections[0].get_array().astype(float), 4).reshape(-1)
    np.testing.assert_array_equal(shown, dna.sel(position="chr2:40-400").values)
    share = line_of(plot_tracks(dna, "chr1").axes[0])[1][::2]
    codes = dna.sel(position="chr1").values.reshape(200, 30)
    wanted = np.isin(codes, [1, 2]).sum(axis=1) / (codes < 4).sum(axis=1)
    np.testing.assert_allclose(share, wanted)


def test_plot_tracks__intervals_are_pointed_boxes_in_lanes(table):
    axes = plot_tracks(table, "chr1:0-1,000").axes[0]
    boxes = [path.vertices[:-1] for path in axes.collections[0].get_paths()]
    assert [(b[:, 0].min(), b[:, 0].max()) for b in boxes] == [(100, 200), (150, 300), (700, 720)]
    assert [np.floor(b[:, 1].min()) for b in boxes] == [0, 1, 0]
    middle = [b[np.isclose(b[:, 1] % 1, 0.5), 0] for b in boxes]
    assert [m.tolist() for m in middle] == [[200, 100], [300, 150], [720, 700]]
    corners = [set(b[~np.isclose(b[:, 1] % 1, 0.5), 0]) for b in boxes]
    assert corners == [{100, 194}, {156, 300}, {700, 720}]  # tips of 6 bp at the 3' ends
    assert [t.get_text() for t in axes.texts] == ["a", "b", "d"]


@pytest.mark.parametrize(
    ("column", "drawn"), [("gene_id", ["a", "b", "d"]), ("mood", ["", "", ""])]
)
def test_plot_tracks__intervals_bear_the_names_of_genes_or_none(table, column, drawn):
    axes = plot_tracks(table.rename_vars(name=column), "chr1:0-1,000").axes[0]
    assert [t.get_text() for t in axes.texts] == drawn


def test_plot_tracks__names_of_intervals_are_not_drawn_over():
    genes = ga.read_regions(["chr1:0-400", "chr1:410-600", "chr1:980-990"])

    def lanes(name, **options):
        table = genes.assign(gene_name=("region", [name] * 3))
        axes = plot_tracks(table, "chr1:0-1,000", **options).axes[0]
        return [int(p.vertices[:, 1].min()) for p in axes.collections[0].get_paths()]

    assert lanes("") == [0, 0, 0]
    assert lanes("RPL13A") == [0, 1, 0]
    assert lanes("RPL13A", width=100) == [0, 0, 0]
    assert lanes("a long name of a gene" * 5) == [0, 1, 2]


def test_plot_tracks__shares_one_labelled_axis(dna, table):
    figure = plot_tracks([track(signal(), name="signal"), dna, table], "chr2:40-100", title="here",
                         names=["one", "two", "three"])  # fmt: skip
    assert [axes.get_ylabel() for axes in figure.axes] == ["one", "two", "three"]
    assert [axes.get_xlim() for axes in figure.axes] == [(40, 100)] * 3
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "", "", "position on chr2 (bp, 0-based)"
    ]  # fmt: skip
    assert figure.get_suptitle() == "here"


def test_plot_tracks__draws_predictions_of_windows():
    x = xr.DataArray(
        [0.2, 0.9], dims="window", name="bound",
        coords={"contig": ("window", ["chr1", "chr1"]), "start": ("window", [200, 0]),
                "end": ("window", [400, 200])},
    )  # fmt: skip
    x_line, y_line = line_of(plot_tracks(x, "chr1:0-400").axes[0])
    assert x_line.tolist() == [0, 200, 200, 400]
    assert y_line.tolist() == [0.9, 0.9, 0.2, 0.2]


def test_plot_tracks__says_where_there_is_no_data():
    values = np.full(TOY.size // 10, np.nan, dtype=np.float32)
    axes = plot_tracks(track(values), "chr1:0-500").axes[0]
    assert [t.get_text() for t in axes.texts] == ["no data"]


def test_plot_tracks__renders_every_kind_the_same_twice(dna, table):
    tracks = [
        dna, table, track(signal()), track(signal(2), strand=["+", "-"]),
        track(signal(3), sample=list("abc")), track(signal(9), sample=list("abcdefghi")),
        track(signal() > 2),
    ]  # fmt: skip
    for place in ("chr1:100-200", "chr1:100-900", "chr1"):
        pictures = {png(plot_tracks(tracks, place, title="all")) for _ in range(2)}
        assert len(pictures) == 1
        assert pictures.pop().startswith(b"\x89PNG")


def test_plot_tracks__shows_itself_in_notebooks():
    figure = plot_tracks(track(signal()), "chr1:0-500")
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_plot_tracks__leaves_pyplot_alone():
    code = (
        "import sys, numpy as np, xarray as xr, genoarrays as ga\n"
        "from genoarrays.plot import plot_tracks\n"
        "assert 'matplotlib' not in sys.modules\n"
        "toy = ga.Assembly('toy', {'chr1': 50})\n"
        "x = xr.DataArray(np.arange(50.), coords=ga.genome_coords(toy), dims='position')\n"
        "figure = plot_tracks(x, 'chr1')\n"
        "figure.savefig('/dev/null', format='png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    env = {**os.environ, "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


@pytest.mark.parametrize(("tracks", "region", "options", "error", "message"), [
    ([], "chr1", {}, TypeError, "nothing to draw"),
    ([np.zeros(3)], "chr1", {}, TypeError, "track 1 is a ndarray; give arrays"),
    (["x"], "chr1", {"names": ["a", "b"]}, TypeError, "2 names for 1 tracks"),
    (["x"], "chr1:0-7,000", {}, RegionError, "which has 6,000 bp"),
    (["x"], "chr3:0-10", {}, ContigError, "chr3"),
    (["x"], "chr1:90-10", {}, RegionError, "must lie past start"),
    (["part"], "chr2:0-10", {}, RegionError, "not among the regions"),
    (["dataset"], "chr1:0-10", {}, TypeError, r"track 1 is a Dataset of x; .*\[x.dna, x.signal\]"),
    (["table"], "chr1", {}, AssemblyError, "no track knows how long chr1 is; write the end"),
    (["codes"], "chr1:0-10", {}, TypeError, "not those of windows"),
])  # fmt: skip
def test_plot_tracks__refuses_bad_input_and_names_the_cure(tracks, region, options, error, message):
    known = {
        "x": track(signal()),
        "part": track(signal()).sel(position="chr1:0-100"),
        "dataset": track(signal()).to_dataset(name="x"),
        "table": regions_dataset(["chr1"], [1], [2]),
        "codes": xr.DataArray(
            np.zeros((2, 9), np.int8), dims=("window", "offset"), attrs={"alphabet": "ACGT"}
        ),
    }
    with pytest.raises(error, match=message):
        plot_tracks(
            [known.get(t, t) if isinstance(t, str) else t for t in tracks], region, **options
        )
