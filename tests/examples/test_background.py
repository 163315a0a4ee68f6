from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.examples import candidates
from tests.genome.test_resize import TOY, labels, rows_of, table, tables

LENGTHS = {"chr1": 12_000, "chr2": 6000, "chr3": 400}
GENOME = ga.Assembly("random", LENGTHS)


@pytest.fixture(scope="module")
def ds():
    """GC content rises along each contig, and chr2 begins with unknown bases."""
    rng = np.random.default_rng(1)
    parts = []
    for length in LENGTHS.values():
        share = np.linspace(0.3, 0.6, length)
        strong = rng.random(length) < share
        parts.append(np.where(strong, rng.integers(1, 3, length), rng.choice([0, 3], length)))
    codes = np.concatenate(parts).astype(np.int8)
    codes[12_000:12_500] = 4
    codes[rng.integers(0, 12_000, 40)] = 4
    dna = ("position", codes, {"alphabet": "ACGT"})
    return xr.Dataset({"dna": dna}, ga.genome_coords(GENOME))


@pytest.fixture(scope="module")
def peaks():
    rows = [("chr1", 100 + 450 * n, 120 + 450 * n + 7 * n, "+-."[n % 3]) for n in range(10)]
    rows += [("chr2", 900, 930, "+"), ("chr2", 950, 1000, "-")]
    return table(rows, GENOME)


def widths(regions):
    return Counter((regions.end - regions.start).values.tolist())


def bins(ds, regions):
    """Bins of GC content in whole numbers: 50 of them."""
    out = Counter()
    for contig, start, end, _ in rows_of(regions):
        codes = ds.dna.sel(position=f"{contig}:{start}-{end}").values
        strong, known = int(np.isin(codes, [1, 2]).sum()), int((codes < 4).sum())
        out[min(strong * 50 // known, 49)] += 1
    return out


def times(counter, n):
    return Counter({key: value * n for key, value in counter.items()})


@pytest.mark.parametrize("all_places", [True, False])
@pytest.mark.parametrize("match", [(), "gc", "contig", ["gc", "contig"]])
@pytest.mark.parametrize("lazy", [False, True])
def test_sample_background__keeps_its_word(ds, peaks, monkeypatch, all_places, match, lazy):
    if not all_places:
        monkeypatch.setattr(candidates, "_ALL", 0)
    blacklist = ga.read_regions(["chr1:3000-3200", "chr2:1500-1600", "chrUn:0-5"])
    source = ds.chunk(position=700) if lazy else ds
    drawn = ga.sample_background(
        peaks, source, ratio=2, guard=30, exclude=blacklist, match=match, max_unknown=0.02
    )
    assert drawn.sizes["region"] == 24 == drawn.attrs["regions_asked"]
    assert widths(drawn) == times(widths(peaks), 2)
    assert Counter(drawn.strand.values.tolist()) == times(Counter(peaks.strand.values.tolist()), 2)
    ga.check_leaks(peaks, drawn, guard=30)
    ga.check_leaks(blacklist, drawn, guard=30)
    assert ga.merge_regions(drawn).attrs["regions_clipped"] == 0  # within contigs
    assert ga.unknown_content(ds, drawn).max() <= 0.02
    rows = rows_of(drawn)
    assert rows == rows_of(ga.sort_regions(drawn))
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(rows))
    if "gc" in match:
        assert bins(ds, drawn) == times(bins(ds, peaks), 2)
    if "contig" in match:
        contigs = Counter(peaks.contig.values.tolist())
        assert Counter(drawn.contig.values.tolist()) == times(contigs, 2)


def test_sample_background__depends_on_seed_and_epoch_only(ds, peaks):
    def draw(**options):
        return labels(ga.sample_background(peaks, ds, match="gc", max_unknown=0.1, **options))

    one = draw(seed=3, epoch=2)
    assert one == draw(seed=3, epoch=2)
    assert one != draw(seed=3, epoch=3) != draw(seed=4, epoch=2)
    lazy = ga.sample_background(
        peaks, ds.chunk(position=999), match="gc", max_unknown=0.1, seed=3, epoch=2
    )
    assert labels(lazy) == one
    assert (lazy.attrs["seed"], lazy.attrs["epoch"]) == (3, 2)


@given(tables(), tables(), st.integers(0, 3), st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_sample_background__any_table(positives, exclude, guard, number, seed, overlap):
    width = 2
    assume(positives.sizes["region"])
    free = 0
    for contig, length in (("chr1", 40), ("chr2", 25)):
        shut = np.zeros(length, dtype=bool)
        for other, start, end, _ in (*rows_of(positives), *rows_of(exclude)):
            if other == contig and max(end + guard, 0) > max(start - guard, 0):
                shut[max(start - guard, 0) : end + guard] = True
        free += sum(not shut[n : n + width].any() for n in range(length - width + 1))

    def draw():
        return ga.sample_background(
            positives, TOY, number=number, width=width, exclude=exclude, guard=guard, seed=seed,
            overlap=overlap,
        )  # fmt: skip

    if free < number:
        with pytest.raises(ga.RegionError, match="background regions found a place"):
            draw()
        return
    if not overlap and free < 4 * number:
        return  # whether they fit depends on the order
    drawn = draw()
    assert len(set(labels(drawn))) == number == drawn.sizes["region"]
    assert set(widths(drawn)) == {width}
    solid = positives if guard else positives.isel(region=positives.end > positives.start)
    if solid.sizes["region"]:
        ga.check_leaks(solid, drawn, guard=guard)
    if exclude.sizes["region"]:
        ga.check_leaks(exclude, drawn, guard=guard)


@pytest.mark.parametrize("all_places", [True, False])
def test_sample_background__is_uniform_over_all_places(monkeypatch, all_places):
    if not all_places:
        monkeypatch.setattr(candidates, "_ALL", 0)
    genome = ga.Assembly("odd", {"chr1": 60, "chr2": 12, "chr3": 9})
    positives = table([("chr1", 20, 30, "+")], genome)
    # starts 0-15 (20 - 5), 30-55 of chr1, 0-7 of chr2, 0-4 of chr3
    count = Counter()
    for epoch in range(300):
        drawn = ga.sample_background(positives, width=5, number=5, epoch=epoch, overlap=True)
        count.update(labels(drawn))
    assert len(count) == 16 + 26 + 8 + 5
    expected = 1500 / len(count)
    chi = sum((n - expected) ** 2 / expected for n in count.values())
    assert chi < len(count) + 5 * np.sqrt(2 * len(count))


def test_sample_background__stays_within(ds, peaks):
    train = ["chr1:0-2000", "chr1:2000-2500"]
    drawn = ga.sample_background(peaks, ds, within=train, max_unknown=1, guard=10)
    assert set(drawn.contig.values) == {"chr1"}
    assert drawn.end.max() <= 2500


def test_sample_background__number_width_and_shares_of_positives(ds, peaks):
    drawn = ga.sample_background(peaks, number=30, width=11)
    assert widths(drawn) == {11: 30}
    assert drawn.assembly.attrs == peaks.assembly.attrs
    drawn = ga.sample_background(peaks, ratio=1.5)
    assert drawn.sizes["region"] == 18
    extra = widths(drawn) - widths(peaks)
    assert sum(extra.values()) == 6
    assert not extra - widths(peaks)  # no positive is taken a third time
    x = ga.windows(ds[["dna"]], ["chr1:0-10:-", "chr1:40-60:+"], 30, anchor="center")
    ga.check_leaks(x, ga.sample_background(x, ds, guard=9), guard=9)
    bare = ga.read_regions(["chr1:0-10:-", "chrUn:0-10"])
    assert ga.sample_background(bare, GENOME).strand.values.tolist() == ["-"]


def test_sample_background__overlap_allows_what_does_not_fit_apart():
    genome = ga.Assembly("small", {"chr1": 40})
    positives = table([("chr1", 0, 10, "+"), ("chr1", 0, 10, "-")], genome)
    drawn = ga.sample_background(positives, number=21, overlap=True)
    assert drawn.start.values.tolist() == list(range(10, 31))
    with pytest.raises(ga.RegionError, match=r"only [123] of 4 .* say overlap=True"):
        ga.sample_background(positives, number=4)
    with pytest.raises(ga.RegionError, match=r"only 21 of 22 .* say overlap=True"):
        ga.sample_background(positives, number=22, overlap=True)


def test_sample_background__says_what_is_in_the_way(ds, peaks, monkeypatch):
    far = {"guard": 700, "max_unknown": 1}
    with pytest.raises(ga.RegionError, match=r"only 0 of 12 .* wide enough; take a smaller guard"):
        ga.sample_background(peaks, ds, within=["chr1:0-4000"], **far)
    unknown = {"within": ["chr2:0-500"], "number": 3}
    with pytest.raises(ga.RegionError, match=r"only 0 of 3 .* more unknown bases than max_unknown"):
        ga.sample_background(peaks, ds, **unknown)
    rich = ga.read_regions(["chr1:11900-11960"], like=ds)
    poor = {"within": ["chr1:0-500"], "match": "gc", "max_unknown": 1}
    for limit in (2**18, 0):
        monkeypatch.setattr(candidates, "_ALL", limit)
        monkeypatch.setattr(candidates, "_ROUND", 2**10)
        with pytest.raises(ga.RegionError, match=r"only 0 of 1 .* GC content of its positive"):
            ga.sample_background(rich, ds, **poor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"match": "at"}, "match='at' is not known"),
        ({"match": "gc", "like": GENOME}, 'match="gc" needs bases'),
        ({"max_unknown": 0.1, "like": GENOME}, "max_unknown=0.1 needs bases"),
        ({"max_unknown": 2}, "max_unknown=2 is no share"),
        ({"gc_bin": 0}, "gc_bin=0"),
        ({"ratio": 0}, "ratio=0"),
        ({"number": 0}, "number=0"),
        ({"width": 0}, "width=0"),
        ({"seed": -1}, "seed=-1"),
        ({"regions": []}, "there are no regions"),
        ({"regions": [("chr1", 5, 5)]}, r"region chr1:5-5:\. has no base to take a width from"),
        ({"regions": ["chr2:10-40"], "match": "gc"}, r"chr2:10-40:\. .* has no known base"),
    ],
)
def test_sample_background__refuses(ds, peaks, options, message):
    given = {"regions": peaks, "like": ds, **options}
    with pytest.raises(ga.RegionError, match=message):
        ga.sample_background(**given)


def test_sample_background__needs_one_genome(ds, peaks):
    with pytest.raises(ga.AssemblyError, match="does not know its assembly"):
        ga.sample_background(["chr1:0-10"])
    with pytest.raises(ga.AssemblyError, match="cannot sample regions on"):
        ga.sample_background(peaks, ga.Assembly("other", {"chr1": 50}))


def test_sample_background__is_uniform_over_all_places_of_a_bin(ds):
    positives = ga.read_regions(["chr3:100-120:-"], like=ds)
    codes = ds.dna.sel(position="chr3:0-400").values

    def bin_of(start):
        return int(np.isin(codes[start : start + 20], [1, 2]).sum()) * 50 // 20

    away = [*range(81), *range(120, 381)]
    want = {f"chr3:{n}-{n + 20}:-" for n in away if bin_of(n) == bin_of(100)}
    count = Counter()
    for epoch in range(200):
        drawn = ga.sample_background(
            positives, ds, number=5, match="gc", within=["chr3:0-400"], epoch=epoch, overlap=True
        )
        count.update(labels(drawn))
    assert set(count) <= want
    expected = 1000 / len(want)
    chi = sum((count[name] - expected) ** 2 / expected for name in want)
    assert chi < len(want) + 5 * np.sqrt(2 * len(want))


def test_sample_background__reads_the_genome_once(ds, peaks):
    read = Counter()

    def note(block, block_info=None):
        read[block_info[0]["array-location"][0]] += 1
        return block

    lazy = ds.chunk(position=500)
    data = lazy.dna.data.map_blocks(note, dtype=np.int8, meta=np.empty(0, np.int8))
    lazy = lazy.assign(dna=lazy.dna.copy(data=data))
    ga.sample_background(peaks.isel(region=[0, 3, 10]), lazy, match="gc", gc_bin=0.1)
    assert set(read.values()) == {1}


def test_sample_background__lies_where_a_mask_holds():
    ds = ga.testing.random_genome({"chr1": 900, "chr2": 300}, seed=4)
    blacklist = ga.read_regions(["chr1:100-700"], like=ds)
    valid = ga.valid_mask(ds, exclude=blacklist)
    found = ga.sample_background(
        ["chr1:10-20"], ds.drop_vars("dna"), number=40, valid=valid, overlap=True
    )
    assert found.sizes["region"] == 40
    inside = ga.reduce_regions(valid.astype("u1"), found, "min")
    assert (inside == 1).all()
