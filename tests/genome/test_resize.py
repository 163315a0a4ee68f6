import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset

TOY = ga.Assembly("toy", {"chr1": 40, "chr2": 25})


def table(rows, assembly=TOY, **extra):
    contig, start, end, strand = zip(*rows, strict=True) if rows else ((), (), (), ())
    return regions_dataset(contig, start, end, strand, assembly=assembly, extra=extra)


def labels(regions):
    return regions.region.values.tolist()


@st.composite
def tables(draw, assembly=TOY):
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        contig = draw(st.sampled_from(["chr1", "chr2"]))
        start, end = sorted(draw(st.tuples(*[st.integers(0, TOY.length(contig))] * 2)))
        rows.append((contig, start, end, draw(st.sampled_from("+-."))))
    return table(rows, assembly, number=np.arange(len(rows)))


def rows_of(regions):
    """What the variables say, which the labels must say too."""
    rows = list(
        zip(
            regions.contig.values.tolist(), regions.start.values.tolist(),
            regions.end.values.tolist(), regions.strand.values.tolist(), strict=True,
        )
    )  # fmt: skip
    assert labels(regions) == [f"{c}:{s}-{e}:{o}" for c, s, e, o in rows]
    return rows


def expected(regions, bounds, known=True):
    """Rows by a loop: new bounds of each region, clipped, without empty ones."""
    out, clipped, dropped = [], 0, 0
    for number, (contig, start, end, strand) in enumerate(rows_of(regions)):
        low, high = bounds(start, end, strand)
        first, last = max(low, 0), min(high, TOY.length(contig)) if known else high
        if first >= last:
            dropped += 1
            continue
        clipped += (first, last) != (low, high)
        out.append((number, (contig, first, last, strand)))
    return out, clipped, dropped


def check(result, want):
    rows, clipped, dropped = want
    assert list(zip(result.number.values.tolist(), rows_of(result), strict=True)) == rows
    assert result.attrs["regions_clipped"] == clipped
    assert result.attrs["regions_dropped"] == dropped


@given(tables(), st.integers(-12, 45), st.integers(-12, 45))
def test_expand__equals_a_loop_over_regions(regions, upstream, downstream):
    def bounds(start, end, strand):
        left, right = (downstream, upstream) if strand == "-" else (upstream, downstream)
        return start - left, end + right

    check(ga.expand(regions, (upstream, downstream)), expected(regions, bounds))
    both = expected(regions, lambda s, e, _: (s - upstream, e + upstream))
    check(ga.expand(regions, upstream), both)


@given(tables(), st.integers(1, 50))
def test_resize__equals_a_loop_over_regions(regions, width):
    def at(anchor):
        def bounds(start, end, strand):
            five, three = (end, start) if strand == "-" else (start, end)
            low = {
                "center": (start + end) // 2 - width // 2,
                "start": start,
                "end": end - width,
                "five_prime": five - width * (strand == "-"),
                "three_prime": three - width * (strand != "-"),
            }[anchor]
            return low, low + width

        return bounds

    for anchor in ("center", "start", "end", "five_prime", "three_prime"):
        check(ga.resize(regions, width, anchor), expected(regions, at(anchor)))
    check(ga.resize(regions, width), expected(regions, at("center")))


@given(tables(), st.integers(-50, 50))
def test_shift__equals_a_loop_over_regions(regions, bp):
    check(ga.shift(regions, bp), expected(regions, lambda s, e, _: (s + bp, e + bp)))

    def downstream(start, end, strand):
        by = -bp if strand == "-" else bp
        return start + by, end + by

    check(ga.shift(regions, bp, strand_aware=True), expected(regions, downstream))


@given(tables(), st.integers(1, 15))
def test_snap_regions__lie_within_on_the_grid_and_lose_less_than_two_bins(regions, multiple):
    snapped = ga.snap_regions(regions, multiple)
    check(snapped, expected(regions, lambda s, e, _: (-(-s // multiple) * multiple,
                                                      e // multiple * multiple)))  # fmt: skip
    before = regions.isel(region=snapped.number.values)
    assert not (snapped.start % multiple).any()
    assert not (snapped.end % multiple).any()
    assert (snapped.start.values >= before.start.values).all()
    assert (snapped.end.values <= before.end.values).all()
    assert (snapped.end - snapped.start + 2 * multiple > (before.end - before.start).values).all()


@given(tables(), st.integers(-5, 30), st.integers(6, 30))
def test_promoters__equal_a_loop_over_genes(genes, upstream, downstream):
    def bounds(start, end, strand):
        if strand == "-":
            return end - downstream, end + upstream
        return start - upstream, start + downstream

    want = expected(genes, bounds)
    check(ga.promoters(genes, upstream, downstream, unstranded="plus"), want)


def test_promoters__refuse_genes_without_strand():
    genes = table([("chr1", 10, 20, "+"), ("chr1", 12, 30, "."), ("chr2", 1, 9, ".")])
    with pytest.raises(ga.RegionError, match=r"chr1:12-30:\. \(row 1, one of 2\) has no strand"):
        ga.promoters(genes, 5, 5)
    with pytest.raises(ga.RegionError, match="leave no base"):
        ga.promoters(genes, 5, -5)
    with pytest.raises(ga.RegionError, match="unstranded='no'"):
        ga.promoters(genes, 5, 5, unstranded="no")


@given(tables(assembly=None))
def test_without_assembly__only_base_0_is_a_bound(regions):
    want = expected(regions, lambda s, e, _: (s - 30, e + 30), known=False)
    check(ga.expand(regions, 30), want)


def test_padded_regions__are_clipped():
    past = ga.read_regions([("chr1", 30, 60), ("chr2", 25, 30)], TOY, out_of_bounds="pad")
    inside = ga.expand(past, 0)
    assert labels(inside) == ["chr1:30-40:."]
    assert (inside.attrs["regions_clipped"], inside.attrs["regions_dropped"]) == (1, 1)
    assert labels(ga.snap_regions(past, 8)) == ["chr1:32-40:."]


def test_columns__follow_their_regions():
    regions = table(
        [("chr1", 0, 4, "+"), ("chr1", 10, 20, "-"), ("chr2", 3, 9, ".")],
        name=np.array(["a", "b", "c"], dtype=np.dtypes.StringDType()), score=[1.0, 2, 3],
    )  # fmt: skip
    regions["counts"] = ("region", "sample"), np.arange(6).reshape(3, 2)
    regions = regions.assign_coords(gene=("region", ["x", "y", "z"]), sample=["s", "t"], run=7)
    regions.attrs = {"source": "peaks.bed", "tile_width": 4}
    small = ga.expand(regions, -2)
    assert labels(small) == ["chr1:12-18:-", "chr2:5-7:."]
    assert small.name.values.tolist() == ["b", "c"]
    assert small.score.values.tolist() == [2, 3]
    assert small.counts.values.tolist() == [[2, 3], [4, 5]]
    assert small.gene.values.tolist() == ["y", "z"]
    assert {"gene", "sample", "run"} <= set(small.coords)
    assert small.attrs == {"source": "peaks.bed", "regions_clipped": 0, "regions_dropped": 1}
    assert small.assembly.attrs["name"] == "toy"
    assert regions.sizes["region"] == 3
    assert labels(regions)[0] == "chr1:0-4:+"


def test_columns__of_changed_variables_rule_over_the_index():
    regions = table([("chr1", 5, 9, "+")])
    regions["end"] = "region", [12]
    assert labels(ga.shift(regions, 1)) == ["chr1:6-13:+"]


def test_summits__stay_move_or_vanish():
    rows = [("chr1", 10, 20, "+"), ("chr1", 10, 20, "-"), ("chr2", 0, 25, ".")]
    peaks = table(rows, summit=np.array([12, 19, -1]))
    assert ga.expand(peaks, 5).summit.values.tolist() == [12, 19, -1]
    assert ga.expand(peaks, -3).summit.values.tolist() == [-1, -1, -1]
    assert ga.shift(peaks, 3).summit.values.tolist() == [15, 22, -1]
    assert ga.shift(peaks, 22, strand_aware=True).summit.values.tolist() == [34, -1]
    sharp = peaks.isel(region=[0, 1])
    assert labels(ga.resize(sharp, 5, "summit")) == ["chr1:10-15:+", "chr1:17-22:-"]
    assert labels(ga.resize(sharp, 4, "summit")) == ["chr1:10-14:+", "chr1:17-21:-"]
    with pytest.raises(ga.RegionError, match=r"chr2:0-25:\. \(row 2, one of 1\) has no summit"):
        ga.resize(peaks, 5, "summit")
    with pytest.raises(ga.RegionError, match="needs the column `summit`"):
        ga.resize(peaks.drop_vars("summit"), 5, "summit")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda r: ga.expand(r, 1.5), r"bp=1\.5 is not possible; give whole bp"),
        (lambda r: ga.expand(r, (1, 2, 3)), "upstream, downstream"),
        (lambda r: ga.expand(r, (1, "2")), "downstream='2'"),
        (lambda r: ga.shift(r, 2**62), "no more than a contig has"),
        (lambda r: ga.shift(r, True), "bp=True"),
        (lambda r: ga.resize(r, 0), "width=0 is not possible; give whole bp, at least 1"),
        (lambda r: ga.resize(r, 5, "middle"), "anchor='middle' is not known; use one of center"),
        (lambda r: ga.snap_regions(r, 0), "multiple=0"),
        (lambda r: ga.expand(["chr1:0-5"], 1), "a list without the dimension 'region'"),
        (lambda r: ga.expand(xr.Dataset(), 1), "ga.read_regions"),
    ],
)
def test_bad_requests__say_what_to_give(act, message):
    with pytest.raises(ga.RegionError, match=message):
        act(table([("chr1", 5, 9, "+")]))


def test_results__are_tables_that_go_on():
    regions = ga.resize(table([("chr1", 5, 9, "+"), ("chr2", 5, 9, "-")]), 10)
    tiles = ga.tile_regions(ga.snap_regions(ga.expand(regions, 3), 5), 5)
    assert labels(tiles) == ["chr1:0-5:+", "chr1:5-10:+", "chr1:10-15:+",
                             "chr2:0-5:-", "chr2:5-10:-", "chr2:10-15:-"]  # fmt: skip
    assert labels(ga.rename_contigs(regions, {"chr1": "1"}))[0] == "1:2-12:+"
