from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from tests.genome.test_resize import rows_of, tables


def some(count=40):
    groups = [f"g{number % 10}" for number in range(count)]
    return ga.from_sequences(["ACGT"] * count, set=["fit", "eval"] * (count // 2), family=groups)


def ids(parts):
    return [part.id.values.tolist() for part in parts]


def test_split_sequences__by_id_and_by_label():
    x = some(6)
    assert ids(ga.split_sequences(x, valid="1", test=["5", "0"])) == [
        ["2", "3", "4"],
        ["1"],
        ["0", "5"],
    ]
    assert ids(ga.split_sequences(x, test="eval", by="set")) == [["0", "2", "4"], ["1", "3", "5"]]


def test_split_sequences__draws_shares_of_whole_groups():
    x = some()
    parts = ga.split_sequences(x, valid=0.25, test=0.1)
    assert [part.sizes["sequence"] for part in parts] == [26, 10, 4]
    assert sorted(chain(*ids(parts)), key=int) == x.id.values.tolist()
    families = [
        set(p.family.values) for p in ga.split_sequences(x, valid=0.2, test=0.3, by="family")
    ]
    assert [len(one) for one in families] == [5, 2, 3]
    assert len(set().union(*families)) == 10
    assert ids(ga.split_sequences(x, test=0.5)) != ids(ga.split_sequences(x, test=0.5, seed=1))


def test_split_sequences__shares_do_not_depend_on_the_order():
    x = some()
    turned = x.isel(sequence=np.random.default_rng(0).permutation(40))
    for one, other in zip(
        ga.split_sequences(x, valid=0.3, test=["4"]),
        ga.split_sequences(turned, valid=0.3, test=["4"]),
        strict=True,
    ):
        assert set(one.id.values) == set(other.id.values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing is held out"),
        ({"valid": [], "test": ()}, "nothing is held out"),
        ({"test": "99"}, "test='99': no sequence has this id"),
        ({"valid": ["1", "2"], "test": "2"}, "id '2' is in valid and in test"),
        ({"test": 1.5}, "test=1.5 is no share"),
        ({"test": 0.01}, "no sequence is left for test"),
        ({"valid": "fit", "test": "eval", "by": "set"}, "no sequence is left for train"),
        ({"test": "a", "by": "dna"}, "by='dna' is no label along `sequence`; there are id, length"),
        ({"test": "a", "by": "clan"}, "by='clan' is no label"),
    ],
)
def test_split_sequences__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.split_sequences(some(), **options)


def names(parts):
    return [part.region.values.tolist() for part in parts]


def test_split_regions__by_contig():
    regions = ga.read_regions(["chr1:0-5", "chr2:0-5", "chr3:0-5", "chr2:7-9"])
    train, valid, test = ga.split_regions(regions, valid="chr1", test=["chr2"])
    assert train.contig.values.tolist() == ["chr3"]
    assert valid.contig.values.tolist() == ["chr1"]
    assert test.region.values.tolist() == ["chr2:0-5:.", "chr2:7-9:."]
    parts = ga.split_regions(regions, test="chr3")
    assert [part.sizes["region"] for part in parts] == [3, 1]
    assert not np.intersect1d(*[part.region.values.astype(object) for part in parts]).size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": "chr4"}, "no such contig"),
        ({"test": "chr1", "valid": "chr1"}, "is in valid and in test"),
        ({}, "nothing is held out"),
        ({"test": []}, "nothing is held out"),
        ({"test": "chr2:9"}, "test='chr2:9': there is no such contig"),
        ({"test": "none.bed"}, "test='none.bed': there is no such contig"),
        ({"test": [("chrUn", 0, 5)]}, "cannot split by test="),
        ({"test": "chr1", "guard": -1}, "guard=-1"),
        ({"test": "chr1:0-2", "valid": "chr2"}, "no region is left for train"),
        ({"test": ["chr1", "chr2"]}, "no region is left for train"),
    ],
)
def test_split_regions__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.split_regions(ga.read_regions(["chr1:0-5", "chr2:0-5"]), **options)


@pytest.mark.parametrize(
    "form", ["list", "tuples", "region", "table", "windows", "frame", "path", "file"]
)
def test_split_regions__takes_stretches_in_any_form(form, tmp_path):
    regions = ga.read_regions(["chr1:0-10:+", "chr1:10-20", "chr1:30-40", "chr2:0-10"])
    ds = ga.testing.random_genome({"chr1": 50, "chr2": 20})
    path = tmp_path / "held.bed"
    path.write_text("chr1\t5\t11\n")
    held = {
        "list": ["chr1:5-11"],
        "tuples": [("chr1", 5, 11, "-")],
        "region": ga.region("chr1:5-11"),
        "table": ga.read_regions(["chr1:5-11"]),
        "windows": ga.windows(ds[["dna"]], ["chr1:5-11"]),
        "frame": ga.to_pandas(ga.read_regions(["chr1:5-11"])),
        "path": path,
        "file": str(path),
    }[form]
    train, test = ga.split_regions(regions, test=held)
    assert names((train, test)) == [
        ["chr1:30-40:.", "chr2:0-10:."],
        ["chr1:0-10:+", "chr1:10-20:."],
    ]
    assert (train.attrs["regions_dropped"], train.attrs["guard"]) == (0, 0)


def test_split_regions__takes_names_and_stretches_side_by_side():
    regions = ga.read_regions(["chr1:0-10", "chr1:50-60", "chr2:0-10", "chr3:0-10", ("chr4", 0, 0)])
    parts = ga.split_regions(regions, valid=["chr1:0-1", "chr4"], test=["chr2", "chr1:55-56"])
    assert names(parts) == [
        ["chr3:0-10:."],
        ["chr1:0-10:.", "chr4:0-0:."],
        ["chr1:50-60:.", "chr2:0-10:."],
    ]


def test_split_regions__drops_what_is_too_near():
    rows = ["chr1:0-10", "chr1:15-25", "chr1:26-40", "chr1:60-70", "chr1:90-99", "chr2:0-10"]
    regions = ga.read_regions(rows)
    train, valid, test = ga.split_regions(
        regions, test="chr1:50-80", valid=["chr1:26-30", "chr2"], guard=10
    )
    # 40 lies 10 bp from 50, 15-25 one bp from valid, 90 lies 10 bp from 80
    assert names((train, valid, test)) == [
        ["chr1:0-10:.", "chr1:90-99:."],
        ["chr1:26-40:.", "chr2:0-10:."],
        ["chr1:60-70:."],
    ]
    assert [p.attrs["regions_dropped"] for p in (train, valid, test)] == [1, 0, 0]
    with pytest.raises(ga.RegionError, match="its 1 lie within 11 bp of what is held out"):
        ga.split_regions(regions.isel(region=[2, 3, 5]), test="chr1:50-80", valid="chr1:26-30",
                         guard=11)  # fmt: skip


def test_split_regions__regions_at_the_edge_do_not_share_bases():
    tiles = ga.tile_regions(ga.read_regions(["chr1:0-100"]), 20, 10)
    train, test = ga.split_regions(tiles, test="chr1:50-100")
    assert test.start.values.tolist() == [40, 50, 60, 70, 80]
    assert train.start.values.tolist() == [0, 10, 20]
    assert train.attrs["regions_dropped"] == 1


@given(tables(), st.data())
def test_split_regions__parts_are_apart_and_lose_only_what_is_near(regions, data):
    guard = data.draw(st.integers(0, 8))
    held = {}
    for kind in ("valid", "test"):
        start = data.draw(st.integers(0, 30))
        held[kind] = [("chr1", start, start + data.draw(st.integers(1, 9)), ".")]
    try:
        parts = ga.split_regions(regions, **held, guard=guard)
    except ga.RegionError:  # no region is left for one of them
        return
    if guard:
        ga.check_leaks(*parts, guard=guard)
    train, valid, test = (part.number.values.tolist() for part in parts)

    def near(row, other, least):
        (c, start, end, _), (contig, low, high, _) = row, other
        end, high = max(end, start + 1), max(high, low + 1)
        return c == contig and max(start, low) - min(end, high) < least

    rows = rows_of(regions)
    tested = [n for n, row in enumerate(rows) if near(row, held["test"][0], 0)]
    assert test == tested
    away = [rows[n] for n in tested] + held["test"]
    meant = [n for n, row in enumerate(rows) if near(row, held["valid"][0], 0) and n not in tested]
    assert valid == [n for n in meant if not any(near(rows[n], o, guard) for o in away)]
    away += [rows[n] for n in meant] + held["valid"]
    rest = [n for n in range(len(rows)) if n not in tested and n not in meant]
    assert train == [n for n in rest if not any(near(rows[n], o, guard) for o in away)]


def test_split_regions__refuses_another_assembly():
    regions = ga.read_regions(["chr1:0-10"], ga.Assembly("a", {"chr1": 50}))
    held = ga.read_regions(["chr1:0-10"], ga.Assembly("b", {"chr1": 60}))
    with pytest.raises(ga.AssemblyError, match="'a' and 'b'"):
        ga.split_regions(regions, test=held)
