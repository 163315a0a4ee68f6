import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.ops import content
from tests.genome.test_resize import TOY, rows_of, table, tables

DS = ga.testing.random_genome({"chr1": 40, "chr2": 25}, seed=3)
CODES = {"chr1": DS.dna.values[:40], "chr2": DS.dna.values[40:]}


def by_hand(regions):
    """GC and unknown share, base by base."""
    gc, unknown = [], []
    for contig, start, end, _ in rows_of(regions):
        known = [code for code in CODES[contig][start:end].tolist() if code < 4]
        gc.append(sum(code in (1, 2) for code in known) / len(known) if known else np.nan)
        unknown.append(1 - len(known) / (end - start) if end > start else np.nan)
    return gc, unknown


@pytest.mark.parametrize("size", [3, 9, 1000])
@pytest.mark.parametrize("lazy", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(tables(), st.data())
def test_contents__equal_counting_base_by_base(monkeypatch, size, lazy, regions, data):
    monkeypatch.setattr(content, "_BLOCK", data.draw(st.sampled_from([1, 7, 2**24])))
    ds = DS.chunk(position=size) if lazy else DS
    gc, unknown = by_hand(regions)
    found = ga.gc_content(ds, regions)
    np.testing.assert_allclose(found, gc)
    np.testing.assert_allclose(ga.unknown_content(ds.dna, regions), unknown, atol=1e-12)
    assigned = regions.assign(gc=found)
    assert assigned.gc.dims == ("region",)
    assert rows_of(assigned) == rows_of(regions)


def test_contents__know_contig_ends_and_regions_without_an_assembly():
    off = ga.read_regions([("chr2", 20, 30), ("chr2", 30, 40)], TOY, out_of_bounds="pad")
    known = CODES["chr2"][20:] < 4
    unknown = ga.unknown_content(DS, off).values
    np.testing.assert_allclose(unknown, [1 - known.sum() / 10, 1])
    assert np.isnan(ga.gc_content(DS, off).values[1])
    bare = table([("chr2", 0, 10, "-"), ("chr1", 5, 25, "+")], None)
    np.testing.assert_allclose(ga.gc_content(DS, bare), by_hand(bare)[0])
    with pytest.raises(ga.ContigError, match="chrUn"):
        ga.gc_content(DS, table([("chrUn", 0, 10, ".")], None))
    part = DS.sel(position="chr1:10-30")
    inside = table([("chr1", 10, 30, "."), ("chr1", 12, 15, ".")])
    np.testing.assert_allclose(ga.gc_content(part, inside), by_hand(inside)[0])
    with pytest.raises(ga.RegionError, match=r"does not hold all of chr1:5-15:\."):
        ga.gc_content(part, table([("chr1", 5, 15, ".")]))
    assert ga.gc_content(DS, table([])).size == 0


def test_contents__read_only_where_there_are_regions(monkeypatch):
    monkeypatch.setattr(content, "_BLOCK", 5)
    read = []

    def note(block, block_info=None):
        read.append(block_info[0]["array-location"][0])
        return block

    lazy = DS.dna.chunk(position=5)
    lazy = lazy.copy(data=lazy.data.map_blocks(note, dtype=np.int8, meta=np.empty(0, np.int8)))
    ga.gc_content(lazy, table([("chr1", 12, 14, "."), ("chr1", 32, 36, "."), ("chr2", 0, 5, ".")]))
    assert sorted(read) == [(10, 15), (30, 35), (35, 40), (40, 45)]


def test_contents__other_alphabets_and_types():
    turned = DS.dna.copy(data=np.where(DS.dna < 4, 3 - DS.dna, 4).astype(np.uint8))
    turned.attrs["alphabet"] = "TGCA"
    regions = table([("chr1", 3, 30, ".")])
    np.testing.assert_allclose(ga.gc_content(turned, regions), by_hand(regions)[0])


@pytest.mark.parametrize(
    ("dna", "message"),
    [
        (DS[["signal"]], "no variable 'dna' among signal"),
        (DS.signal, "is no DNA on the genome"),
        (DS.label.assign_attrs(alphabet="ACDEFGHIKLMNPQRSTVWY"), "is no DNA"),
        (ga.coarsen(DS.label, 5, "max"), "has bins of 5 bp"),
    ],
)
def test_contents__refuse_what_is_no_dna(dna, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.gc_content(dna, table([("chr1", 3, 30, ".")]))


def test_contents__refuse_another_assembly():
    other = ga.Assembly("other", {"chr1": 41, "chr2": 25})
    with pytest.raises(ga.AssemblyError, match="cannot read bases of"):
        ga.gc_content(DS, table([("chr1", 3, 30, ".")], other))


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("bin_size", [1, 7])
def test_gc_content__of_bins_along_the_genome(lazy, bin_size):
    ds = DS.chunk(position=9) if lazy else DS
    with ga.testing.count_computes() as computed:
        found = ga.gc_content(ds, bin_size=bin_size)
        assert not computed
    bins = ga.tile_regions(DS, bin_size)
    np.testing.assert_allclose(found, ga.gc_content(DS, bins), rtol=1e-6)
    assert ga.bin_size_of(found) == bin_size
    assert "alphabet" not in found.attrs
    with pytest.raises(ga.GenomeError, match="give regions, or bin_size="):
        ga.gc_content(ds)
