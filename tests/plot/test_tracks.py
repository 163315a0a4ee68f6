import io
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from matplotlib.path import Path

import genoarrays as ga
from genoarrays.errors import AssemblyError, ContigError, GenomeError, RegionError
from genoarrays.genome.regions import regions_dataset
from genoarrays.plot import glyphs, plot_tracks

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


def letters_in(axes):
    """(letter, left, right, bottom, top) of each letter, from left to right, bottom to top."""
    found = []
    for patch in (p for p in axes.patches if p.get_gid()):
        number = len(glyphs._glyph(patch.get_gid())[0])
        vertices, codes = patch.get_path().vertices, patch.get_path().codes
        for first in range(0, len(vertices), number):
            some = slice(first, first + number)
            x, y = vertices[some][codes[some] != Path.CLOSEPOLY].T
            found.append((patch.get_gid(), x.min(), x.max(), y.min(), y.max()))
    return sorted(found, key=lambda one: (np.floor(one[1]), one[3]))


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
    mesh = many.collections[1]
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
    drawn = letters_in(letters)
    assert "".join(letter for letter, *_ in drawn) == "".join("ACGTN"[c] for c in codes)
    for base, (_, x0, x1, y0, y1) in enumerate(drawn, start=40):
        assert base < x0 < x1 < base + 1
        assert (y0, y1) == pytest.approx((0.05, 0.95))
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
    assert corners == [
        {100, 193.75},
        {156.25, 300},
        {700, 720},
    ]  # tips of 0.05 inches at the 3' ends
    assert [t.get_text() for t in axes.texts] == ["a", "b", "d"]


@pytest.mark.parametrize(("column", "drawn"), [("gene_id", ["a", "b", "d"]), ("mood", [])])
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
    assert lanes("a long name of a gene" * 5) == [0, 0, 1]  # there is room left of the last one


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


# ---- letters as high as values


@pytest.fixture
def attributed():
    """Windows of both strands, 10 bp wide with 5 bp more at each side, and values by letter."""
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, TOY.size, dtype=np.int8)
    dna = track(codes, name="dna", attrs={"alphabet": "ACGT"})
    regions = ga.read_regions(["chr1:50-60:+", "chr1:90-100:-"], like=TOY)
    x = ga.windows(dna.to_dataset(), regions, width=10, flank=5)
    size = rng.choice([-1, 1], TOY.size) * rng.uniform(0.1, 2, TOY.size)  # none too small to draw
    base = track(size, name="base")
    values = ga.windows(base.to_dataset(), regions, width=10, flank=5).base
    hot = ga.one_hot(x.dna).where(lambda a: a > 0) * values
    return dna, base, x.dna, values, hot.rename("attribution")


def heights_in(axes, place):
    """Signed height and letter by base of a logo with one letter at each base."""
    found = {int(np.floor(x0)): (letter, y1 if y1 > 1e-9 else y0)
             for letter, x0, _, y0, y1 in letters_in(axes)}  # fmt: skip
    return [found.get(base) for base in range(*place)]


def test_plot_tracks__windows_of_letters_stand_at_their_true_place(attributed):
    dna, base, codes, values, hot = attributed
    for given in (hot, hot.transpose("channel", "offset", "window"), (codes, values)):
        axes = plot_tracks([given], "chr1:40-110").axes[0]
        drawn = heights_in(axes, (40, 110))
        for at, one in enumerate(drawn, start=40):
            if not (45 <= at < 65 or 85 <= at < 105):
                assert one is None
                continue
            letter, height = one
            assert letter == "ACGT"[int(dna.values[at])]
            assert height == pytest.approx(float(base.values[at]), abs=1e-6)
        low, high = axes.get_ylim()
        assert low < min(h for _, h in filter(None, drawn)) < 0 < high


def test_plot_tracks__letters_of_positions_and_their_sum_where_there_are_many(attributed):
    dna, base, *_ = attributed
    hot = (ga.one_hot(dna) * base).rename("attribution")
    for given in (hot, (dna, base)):
        drawn = heights_in(plot_tracks([given], "chr2:100-150").axes[0], (100, 150))
        assert [h for _, h in drawn] == pytest.approx(base.sel(position="chr2:100-150").values)
        y = line_of(plot_tracks([given], "chr2:0-1,000").axes[0])[1]
        np.testing.assert_allclose(y[::2], base.sel(position="chr2:0-1,000"))


@pytest.mark.parametrize("strand", ["+", "-"])
def test_plot_tracks__kmers_are_shared_over_their_bases(attributed, strand):
    dna, *_ = attributed
    regions = ga.read_regions([f"chr1:110-130:{strand}"], like=TOY)
    hot = ga.one_hot(ga.windows(dna.to_dataset(), regions, width=20, flank=4).dna, order=3)
    value = np.random.default_rng(1).uniform(0.1, 2, size=hot.sizes["offset"])
    axes = plot_tracks([hot * xr.DataArray(value, dims="offset")], "chr1:100-140").axes[0]
    wanted = np.convolve(value, np.ones(3) / 3)[:: 1 if strand == "+" else -1]
    drawn = heights_in(axes, (106, 134))
    assert [h for _, h in drawn] == pytest.approx(wanted)
    assert [letter for letter, _ in drawn] == ["ACGT"[c] for c in dna.values[106:134]]


def test_plot_tracks__overlapping_windows_are_refused_or_averaged(attributed):
    dna, base, *_ = attributed
    regions = ga.read_regions(["chr1:50-60:+", "chr1:55-65:-"], like=TOY)
    x = ga.windows(dna.to_dataset().assign(base=base), regions, width=10)
    values = x.base * xr.DataArray([1.0, 3.0], dims="window")
    for given in ((x.dna, values), values.rename("profile")):
        with pytest.raises(RegionError, match=r"overlap in chr1:45-70; say overlap='mean'"):
            plot_tracks([given], "chr1:45-70")
    factor = np.repeat([1, 2, 3], 5)
    wanted = base.sel(position="chr1:50-65").values * factor
    drawn = heights_in(
        plot_tracks([(x.dna, values)], "chr1:50-65", overlap="mean").axes[0], (50, 65)
    )
    assert [h for _, h in drawn] == pytest.approx(wanted)
    line = line_of(plot_tracks([values], "chr1:50-65", overlap="mean").axes[0])[1]
    assert line[::2] == pytest.approx(wanted)


def test_plot_tracks__mutations_are_a_heat_map_of_letters(attributed):
    hot = attributed[-1].assign_attrs(method="saturation mutagenesis")
    axes = plot_tracks([hot], "chr1:45-65").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == list("ACGT")
    mesh = axes.collections[1]
    low, high = mesh.get_clim()
    assert low == -high
    shown = np.asarray(mesh.get_array().filled(np.nan)).reshape(4, 20)
    np.testing.assert_allclose(np.nansum(shown, axis=0), attributed[1].values[45:65], rtol=1e-6)


# ---- heat maps, colors, limits, highlights


def test_plot_tracks__heat_maps_are_centered_where_signed_and_gray_where_missing():
    values = signal(9) - 1
    values[2, 10:20] = np.nan
    many = track(values, sample=list("abcdefghi"))
    axes = plot_tracks(many, "chr1:0-500").axes[0]
    gray, mesh = axes.collections
    assert mesh.get_cmap().name == "RdBu_r"
    assert np.isclose(*np.abs(mesh.get_clim()))
    assert mesh.get_array().mask.reshape(9, 50)[2].sum() == 10
    assert gray.get_paths()[0].get_extents().bounds == (0, 0, 500, 9)
    positive = plot_tracks(track(signal(9), sample=list("abcdefghi")), "chr1:0-500").axes[0]
    assert positive.collections[1].get_cmap().name == "viridis"
    wide = plot_tracks(many, "chr1:0-500", ylim={"x": (-4, 4)}).axes[0]
    assert wide.collections[1].get_clim() == (-4, 4)


def test_plot_tracks__limits_are_shared_or_given_on_request():
    tracks = {"a": track(signal()), "b": track(signal() * 3), "c": track(-signal())}
    apart = plot_tracks(tracks, "chr1:0-500").axes
    assert len({axes.get_ylim() for axes in apart}) == 3
    one = {axes.get_ylim() for axes in plot_tracks(tracks, "chr1:0-500", share_y=True).axes}
    assert one == {(apart[2].get_ylim()[0], apart[1].get_ylim()[1])}
    two = plot_tracks(tracks, "chr1:0-500", share_y=["a", "b"]).axes
    assert two[0].get_ylim() == two[1].get_ylim() != two[2].get_ylim()
    given = plot_tracks(tracks, "chr1:0-500", ylim={"a": (0, 99)}).axes
    assert given[0].get_ylim() == (0, 99)
    assert given[1].get_ylim() == apart[1].get_ylim()


def test_plot_tracks__colors_go_by_panel_or_line():
    few = track(signal(2), name="few", sample=["a", "b"])
    figure = plot_tracks({"one": track(signal()), "few": few}, "chr1:0-500",
                         colors={"one": "#123456", "b": "red"})  # fmt: skip
    assert figure.axes[0].lines[0].get_color() == "#123456"
    assert [line.get_color() for line in figure.axes[1].lines] == ["#0072B2", "red"]


@pytest.mark.parametrize(
    "asked", ["chr1:100-120", ["chr1:100-120", "chr2:0-9"], ga.read_regions(["chr1:100-120"])]
)
def test_plot_tracks__highlights_lie_behind_all_panels(asked):
    figure = plot_tracks([track(signal()), track(signal() > 2)], "chr1:0-500", highlight=asked)
    for axes in figure.axes:
        (band,) = axes.patches
        assert (band.get_x(), band.get_width()) == (100, 20)
        assert band.get_zorder() < 1


def test_plot_tracks__kinds_are_drawn_as_asked():
    few = {"few": track(signal(2), sample=["a", "b"])}
    heat = plot_tracks(few, "chr1:0-500", kinds={"few": "heat"}).axes[0]
    assert heat.collections[1].get_array().size == 100
    lines = plot_tracks({"one": track(signal())}, "chr1:0-500", kinds={"one": "lines"}).axes[0]
    assert lines.lines[0].get_linewidth() == 1.0
    with pytest.raises(TypeError, match="'one' has no letters"):
        plot_tracks({"one": track(signal())}, "chr1:0-500", kinds={"one": "logo"})


def test_plot_tracks__several_resolutions_of_a_tree_bear_the_names_of_their_nodes():
    tree = xr.DataTree.from_dict({
        "10bp": track(signal(), name="x").to_dataset(),
        "50bp": track(signal(bin_size=50), name="x").to_dataset(),
    })  # fmt: skip
    figure = plot_tracks(tree, "chr1:0-500")
    assert [axes.get_ylabel() for axes in figure.axes] == ["10bp/x", "50bp/x"]
    assert [len(line_of(axes)[0]) for axes in figure.axes] == [100, 20]


# ---- genes


def gene_boxes(axes):
    """(start, end, height) of the boxes of genes."""
    boxes = [p.get_extents() for p in axes.collections[0].get_paths()]
    return [(b.x0, b.x1, round(b.height / 0.72, 2)) for b in boxes]


def test_plot_tracks__exons_are_thick_and_coding_ones_thicker(tmp_path):
    rows = [("gene", 101, 400, ""), ("transcript", 101, 400, "t1"), ("exon", 101, 200, "t1"),
            ("exon", 301, 400, "t1"), ("CDS", 151, 200, "t1"), ("exon", 601, 700, "t2"),
            ("gene", 801, 900, "")]  # fmt: skip
    text = "".join(
        f'chr1\tx\t{f}\t{s}\t{e}\t.\t-\t.\tgene_id "g{s}"; gene_name "N"; transcript_id "{t}";\n'
        for f, s, e, t in rows
    )
    (tmp_path / "a.gtf").write_text(text)
    genes = ga.read_regions(
        tmp_path / "a.gtf", like=TOY, attributes=["gene_id", "gene_name", "transcript_id"]
    )
    axes = plot_tracks(genes, "chr1:0-1,000").axes[0]
    assert gene_boxes(axes) == [
        (100, 200, 0.5), (150, 200, 1.0), (300, 400, 0.5), (600, 700, 0.8), (800, 900, 0.85)
    ]  # fmt: skip
    assert [t.get_text() for t in axes.texts] == ["N"] * 3
    intron = axes.collections[1].get_segments()[0]
    assert intron[:, 0].tolist() == [100, 400]


def test_plot_tracks__blocks_of_bed_are_exons(tmp_path):
    bed = "chr1\t100\t400\tgene\t0\t+\t150\t400\t0\t2\t100,100\t0,200\n"
    (tmp_path / "a.bed").write_text(bed)
    axes = plot_tracks(ga.read_regions(tmp_path / "a.bed", like=TOY), "chr1:0-1,000").axes[0]
    assert gene_boxes(axes) == [
        (100, 200, 0.5), (300, 400, 0.5), (150, 200, 1.0), (300, 400, 1.0)
    ]  # fmt: skip


def test_plot_tracks__names_of_genes_at_the_edge_stand_left_or_inside(table):
    def side(place):
        (text,) = plot_tracks(table.isel(region=[3]), place).axes[0].texts
        return text.get_ha()

    assert side("chr1:0-1,000") == "left"  # the text begins there: right of the box
    assert side("chr1:0-715") == "right"
    assert side("chr1:702-718") == "center"
    exons = {"block_sizes": "4,4", "block_starts": "0,16"}
    split = table.assign({name: ("region", [text] * 4) for name, text in exons.items()})
    (text,) = plot_tracks(split.isel(region=[3]), "chr1:702-718").axes[0].texts
    assert text.get_color() != "white"  # on the intron


@pytest.mark.parametrize(("tracks", "options", "error", "message"), [
    ({"x": "x"}, {"kinds": {"y": "heat"}}, GenomeError, "no panel is named 'y'; they are x"),
    ({"x": "x"}, {"kinds": {"x": "pie"}}, GenomeError, "kind 'pie' is not known"),
    ({"x": "x"}, {"share_y": ["z"]}, GenomeError, "no panel is named 'z'"),
    ({"x": "x"}, {"overlap": "max"}, GenomeError, "overlap='max' is not known"),
    ({"x": "x"}, {"names": ["y"]}, TypeError, "have names already"),
    ([("x", "x")], {}, GenomeError, "must begin with codes of letters"),
    (["many"], {}, TypeError, r"also the dimension 'track'; .*x\.isel\(track=0\)"),
    (["odd"], {}, GenomeError, "are neither letters nor all k-mers"),
    (["coarse"], {}, GenomeError, "has bins of 10 bp, and letters stand for 1"),
])  # fmt: skip
def test_plot_tracks__refuses_what_it_cannot_draw(tracks, options, error, message):
    known = {"x": track(signal())}
    letters = track(signal(4, bin_size=1), channel=list("ACGT"))
    known["many"] = letters.expand_dims(track=["a", "b"])
    known["odd"] = letters.assign_coords(channel=["AA", "AC", "AG", "AT"])
    known["coarse"] = track(signal(4), channel=list("ACGT"))

    def find(one):
        return tuple(map(find, one)) if isinstance(one, tuple) else known[one]

    given = (
        {k: find(v) for k, v in tracks.items()}
        if isinstance(tracks, dict)
        else list(map(find, tracks))
    )
    with pytest.raises(error, match=message):
        plot_tracks(given, "chr1:0-100", **options)


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_plot_tracks__text_stays_text_in_vector_files(tmp_path, suffix):
    path = tmp_path / f"figure.{suffix}"
    plot_tracks(track(signal()), "chr1:0-500", title="a title of text").savefig(path)
    content = path.read_bytes()
    if suffix == "svg":
        assert b">a title of text</text>" in content
    else:
        assert b"/Type3" not in content
        assert b"/TrueType" in content or b"/CIDFontType2" in content
