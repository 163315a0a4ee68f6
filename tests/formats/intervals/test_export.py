import gzip

import numpy as np
import pysam
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, RegionError
from tests.formats.files import LENGTHS, TOY
from tests.formats.signal.test_export import on_axis
from tests.formats.signal.test_export import windows as make_windows


def lines(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def table(regions, like=TOY, **extra):
    found = ga.read_regions(regions, like, out_of_bounds="pad")
    return found.assign({name: ("region", values) for name, values in extra.items()})


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_to_bed__is_read_back(tmp_path_factory, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = []
    for _ in range(data.draw(st.integers(0, 20))):
        contig = str(rng.choice(list(LENGTHS)))
        start = int(rng.integers(0, LENGTHS[contig]))
        rows.append((contig, start, int(rng.integers(start + 1, LENGTHS[contig] + 1)),
                     str(rng.choice(["+", "-", "."]))))  # fmt: skip
    scores = rng.normal(size=len(rows)).astype(data.draw(st.sampled_from([np.float32, np.float64])))
    scores[rng.random(len(rows)) < 0.2] = np.nan
    names = np.array([f"peak {n}" for n in range(len(rows))], dtype=object)
    like = data.draw(st.sampled_from([TOY, None]))
    if rows:
        regions = table(rows, like, name=names, score=scores)
    else:
        regions = ga.read_regions(["chr1:1-2"], TOY).isel(region=slice(0, 0))
        regions = regions.assign(name=("region", names), score=("region", scores))
    end = data.draw(st.sampled_from([".bed", ".bed.gz"]))
    path = tmp_path_factory.mktemp("bed") / f"x{end}"
    assert ga.to_bed(regions, path) == [str(path)]
    if not rows:
        return
    got, want = ga.read_regions(path, like), ga.sort_regions(regions)
    if like is None:  # contigs in the order in which they appear in the table
        order = {name: n for n, name in enumerate(dict.fromkeys(row[0] for row in rows))}
        assert sorted(got.contig.values, key=order.get) == got.contig.values.tolist()
    assert got.region.values.tolist() == want.region.values.tolist()
    assert got.name.values.tolist() == want.name.values.tolist()
    np.testing.assert_array_equal(got.score.values.astype(scores.dtype), want.score.values)


def test_to_bed__columns_and_order(tmp_path):
    odd = ga.Assembly("odd", {"chr2": 500, "chr10": 400, "chr1": 300})
    regions = ga.read_regions(["chr1:5-9:-", "chr10:8-20", "chr2:30-40:+", "chr10:8-12"], odd)
    ga.to_bed(regions, tmp_path / "x.bed")
    assert lines(tmp_path / "x.bed") == [
        ["chr2", "30", "40", ".", "0", "+"], ["chr10", "8", "12", ".", "0", "."],
        ["chr10", "8", "20", ".", "0", "."], ["chr1", "5", "9", ".", "0", "-"],
    ]  # fmt: skip
    ga.to_bed(regions, tmp_path / "y.bed", name=list("abcd"), score=[1, 2, 3, 4])
    assert [line[3:5] for line in lines(tmp_path / "y.bed")] == [
        ["c", "3"], ["d", "4"], ["b", "2"], ["a", "1"],
    ]  # fmt: skip
    other = regions.assign(gene=("region", ["g1", "", "g3", "g4"]), fold=("region", [2.5] * 4))
    ga.to_bed(other, tmp_path / "z.bed", name="gene", score="fold")
    assert [line[3:5] for line in lines(tmp_path / "z.bed")] == [
        ["g3", "2.5"], ["g4", "2.5"], [".", "2.5"], ["g1", "2.5"],
    ]  # fmt: skip


def test_to_bed__scales_scores_only_when_asked(tmp_path):
    scores = np.float32([0.1, 0.5, 0.9, np.nan, -3, 7])
    regions = table([("chr1", n, n + 1, "+") for n in range(6)], score=scores)
    ga.to_bed(regions, tmp_path / "x.bed")
    assert [line[4] for line in lines(tmp_path / "x.bed")] == ["0.1", "0.5", "0.9", ".", "-3", "7"]
    ga.to_bed(regions, tmp_path / "y.bed", scale=(0, 1))
    assert [line[4] for line in lines(tmp_path / "y.bed")] == [
        "100",
        "500",
        "900",
        ".",
        "0",
        "1000",
    ]
    for scale in [(1, 1), (2, 1), (0, np.inf)]:
        with pytest.raises(GenomeError, match=r"scale=.* is not possible"):
            ga.to_bed(regions, tmp_path / "z.bed", scale=scale)


def test_to_bed__cuts_at_contig_ends(tmp_path):
    regions = table([("chr3", 80, 100, "+"), ("chr3", 95, 99, "+"), ("chr3", 0, 5, "-")])
    ga.to_bed(regions, tmp_path / "x.bed", name=["a", "b", "c"])
    assert [line[:4] for line in lines(tmp_path / "x.bed")] == [
        ["chr3", "0", "5", "c"], ["chr3", "80", "91", "a"],
    ]  # fmt: skip


@pytest.mark.parametrize("chunk", [None, 2])
def test_to_bed__of_predictions(tmp_path, chunk):
    regions = [("chr2", 50, 90, "-"), ("chr1", 20, 60, "+"), ("chr1", 40, 80, "."),
               ("chr1", 40, 80, "."), ("chr3", 60, 100, "-")]  # fmt: skip
    y = make_windows(regions, np.float32([0.5, 0.25, np.nan, 3, 4]))
    y.name = "bound"
    y = y if chunk is None else y.chunk(window=chunk)
    ga.to_bed(y, tmp_path / "x.bed")
    assert lines(tmp_path / "x.bed") == [
        ["chr1", "20", "60", ".", "0.25", "+"], ["chr1", "40", "80", ".", ".", "."],
        ["chr1", "40", "80", ".", "3", "."], ["chr2", "50", "90", ".", "0.5", "-"],
        ["chr3", "60", "91", ".", "4", "-"],
    ]  # fmt: skip
    ds = y.to_dataset()
    ga.to_bed(ds, tmp_path / "y.bed", score="bound")
    assert lines(tmp_path / "y.bed") == lines(tmp_path / "x.bed")
    two = xr.concat([y, y + 1], "track").assign_coords(track=["a/1", "b"])
    paths = ga.to_bed(two, f"{tmp_path}/{{track}}.bed", name=list("vwxyz"))
    assert [path.rsplit("/")[-1] for path in paths] == ["a_1.bed", "b.bed"]
    assert [line[3:5] for line in lines(tmp_path / "b.bed")] == [
        ["w", "1.25"], ["x", "."], ["y", "4"], ["v", "1.5"], ["z", "5"],
    ]  # fmt: skip
    with pytest.raises(GenomeError, match=r"dimension 'track', and a BED holds one track"):
        ga.to_bed(two, tmp_path / "z.bed")
    one = two.isel(track=0)
    assert ga.to_bed(one, f"{tmp_path}/one.{{track}}.bed")[0].endswith("one.a_1.bed")


def test_to_bed__of_bins_of_windows(tmp_path):
    regions = [("chr2", 50, 90, "-"), ("chr3", 60, 100, "+")]
    y = make_windows(regions, np.float32([[1, 2, 3, 4], [5, 6, 7, 8]]), ("window", "offset"))
    ga.to_bed(y, tmp_path / "x.bed", name=["a", "b"])
    assert lines(tmp_path / "x.bed") == [
        ["chr2", "50", "60", "a", "4", "-"], ["chr2", "60", "70", "a", "3", "-"],
        ["chr2", "70", "80", "a", "2", "-"], ["chr2", "80", "90", "a", "1", "-"],
        ["chr3", "60", "70", "b", "5", "+"], ["chr3", "70", "80", "b", "6", "+"],
        ["chr3", "80", "90", "b", "7", "+"], ["chr3", "90", "91", "b", "8", "+"],
    ]  # fmt: skip


def test_to_bed__of_strands(tmp_path):
    y = make_windows([("chr1", 0, 10, "+"), ("chr1", 20, 30, "-")], [[1, 2], [3, 4]],
                     ("window", "strand")).assign_coords(strand=["+", "-"])  # fmt: skip
    ga.to_bed(y, f"{tmp_path}/{{strand}}.bed")  # the own strand of the second is "-"
    assert [line[4:] for line in lines(tmp_path / "plus.bed")] == [["1", "+"], ["4", "+"]]
    assert [line[4:] for line in lines(tmp_path / "minus.bed")] == [["2", "-"], ["3", "-"]]


def test_to_bed__of_values_per_region(tmp_path):
    x = on_axis(np.arange(1628.0)).rename("x")
    found = ga.reduce_regions(x, ["chr2:0-10", "chr1:0-3"])
    ga.to_bed(found, tmp_path / "x.bed")
    assert [line[:5] for line in lines(tmp_path / "x.bed")] == [
        ["chr1", "0", "3", ".", "1"], ["chr2", "0", "10", ".", "1041.5"],
    ]  # fmt: skip


def test_to_bed__compresses_by_bgzf(tmp_path):
    regions = table(["chr1:0-10", "chr2:5-7"])
    (path,) = ga.to_bed(regions, tmp_path / "x.bed.gz")
    assert gzip.decompress((tmp_path / "x.bed.gz").read_bytes()).count(b"\n") == 2
    pysam.tabix_index(path, preset="bed")
    with pysam.TabixFile(path) as file:
        assert len(list(file.fetch("chr2"))) == 1


def test_to_bed__refuses_what_it_cannot_write(tmp_path):
    regions = table(["chr1:0-10", "chr2:5-7"], score=[1.0, np.inf], name=["a\tb", "c"])
    out = tmp_path / "x.bed"
    with pytest.raises(GenomeError, match=r"score of chr2:5-7:\. is infinite"):
        ga.to_bed(regions, out, name="strand")
    with pytest.raises(GenomeError, match="has a tab or line break"):
        ga.to_bed(regions, out, score=[1, 2])
    with pytest.raises(GenomeError, match="no variable 'fold' for the score; there are"):
        ga.to_bed(regions, out, score="fold")
    with pytest.raises(GenomeError, match=r"2 regions, and the score has the shape \(3,\)"):
        ga.to_bed(regions, out, score=[1, 2, 3])
    with pytest.raises(GenomeError, match="scores are numbers"):
        ga.to_bed(regions, out, score="contig", name="strand")
    with pytest.raises(GenomeError, match=r"no regions or windows; write ga\.regions_where"):
        ga.to_bed(on_axis(np.ones(1628)), out)
    with pytest.raises(GenomeError, match=r"no regions or windows; read them"):
        ga.to_bed(xr.Dataset({"x": ("y", [1])}), out)
    y = make_windows([("chr1", 0, 10, "+")], np.ones((1, 3)), ("window", "offset"))
    with pytest.raises(RegionError, match="which 3 bins do not divide"):
        ga.to_bed(y, out)
    with pytest.raises(GenomeError, match="score= is for a Dataset"):
        ga.to_bed(y, out, score=[1])
    assert list(tmp_path.iterdir()) == []
    out.write_text("mine")
    with pytest.raises(GenomeError, match="exists already"):
        ga.to_bed(table(["chr1:0-10"]), out)
    assert out.read_text() == "mine"
