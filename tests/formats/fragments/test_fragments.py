import gzip
import pickle

import numpy as np
import pandas as pd
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import ContigError, GenomeError, InputError
from genoarrays.formats.fragments import tables as fragment_tables
from genoarrays.formats.tally import collect
from genoarrays.formats.text.words import Words
from tests.formats.files import LENGTHS, TOY, write_text

BARCODES = [f"{a}{b}AC-1" for a in "ACGT" for b in "ACGT"]
GROUPS = {barcode: "BT"[number % 2] for number, barcode in enumerate(BARCODES[:12])}
OFFSET = dict(zip(LENGTHS, np.cumsum([0, *LENGTHS.values()]).tolist(), strict=False))


def random_rows(seed, number=500):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(number):
        contig = str(rng.choice(["chr1", "chr2"]))
        start = int(rng.integers(0, LENGTHS[contig] - 1))
        end = int(min(start + rng.integers(1, 300), LENGTHS[contig]))
        rows.append((contig, start, end, str(rng.choice(BARCODES)), int(rng.integers(1, 5))))
    rows += [("chr1", 0, LENGTHS["chr1"], BARCODES[0], 2), ("chr2", 0, 1, BARCODES[1], 1)]
    return sorted(rows)


def brute(rows, count="cut_site", shift=(0, 0), group=None, weighted=False):
    out = np.zeros(TOY.size, dtype=np.int64)
    for contig, start, end, barcode, copies in rows:
        if group is not None and GROUPS.get(barcode) != group:
            continue
        places = {
            "cut_site": [start + shift[0], end - 1 + shift[1]],
            "fragment": range(start, end),
            "midpoint": [start + (end - start) // 2],
        }[count]
        for place in places:
            if 0 <= place < LENGTHS[contig]:
                out[OFFSET[contig] + place] += copies if weighted else 1
    return out


def binned(values, bin_size):
    ends = [OFFSET[c] + LENGTHS[c] for c in LENGTHS]
    starts = [at for c, end in zip(LENGTHS, ends, strict=True)
              for at in range(OFFSET[c], end, bin_size)]  # fmt: skip
    return np.add.reduceat(values, starts)


def indexed(path):
    """bgzip and index a sorted text file."""
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    pysam.tabix_index(f"{path}.gz", preset="bed", force=True)
    return path.with_name(path.name + ".gz")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    rows = random_rows(0)
    folder = tmp_path_factory.mktemp("fragments")
    plain = write_text(folder / "plain.tsv", *rows)
    zipped = folder / "zipped.tsv.gz"
    zipped.write_bytes(gzip.compress(b"# id=x\n#\n" + plain.read_bytes()))
    shuffled = folder / "shuffled.tsv"
    order = np.random.default_rng(1).permutation(len(rows))
    write_text(shuffled, *(rows[i] for i in order))
    (folder / "sorted.tsv").write_bytes(b"# id=x\n" + plain.read_bytes())
    return {
        "rows": rows,
        "indexed": indexed(folder / "sorted.tsv"),
        "plain": plain,
        "gzip": zipped,
        "shuffled": shuffled,
    }


KINDS = ["indexed", "plain", "gzip", "shuffled"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", ["cut_site", "fragment", "midpoint"])
@pytest.mark.parametrize("bin_size", [1, 7])
def test_open_fragments__counts_as_row_by_row(files, kind, count, bin_size):
    for weight in ("rows", "count"):
        x = ga.open_fragments(
            files[kind], like=TOY, count=count, bin_size=bin_size, weight=weight, chunks=40
        ).fragments
        expected = brute(files["rows"], count, weighted=weight == "count")
        assert x.dtype == np.uint32
        np.testing.assert_array_equal(x.values, binned(expected, bin_size))


@pytest.mark.parametrize("kind", ["indexed", "plain"])
@pytest.mark.parametrize("shift", [(4, -4), (-5, 6), (0, 400)])
def test_open_fragments__shifts_cut_sites_over_parts(files, kind, shift):
    x = ga.open_fragments(files[kind], like=TOY, shift=shift, chunks=37).fragments
    expected = brute(files["rows"], shift=shift)
    np.testing.assert_array_equal(x.values, expected)
    assert x.attrs["shift"] == list(shift)
    with collect() as tallies:
        x.compute(scheduler="synchronous")
    told = tallies["fragments", x.attrs["source"]]
    assert sum(told.values()) == len(files["rows"])
    assert 2 * told["kept"] + told["one_end_off_contig"] == expected.sum()
    assert told["one_end_off_contig"] > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", ["cut_site", "fragment"])
def test_open_fragments__groups_barcodes_as_samples(files, kind, count):
    x = ga.open_fragments(files[kind], like=TOY, groups=GROUPS, count=count, chunks=100).fragments
    assert x.dims == ("position", "sample")
    assert x["sample"].values.tolist() == ["B", "T"]
    for group in "BT":
        expected = brute(files["rows"], count, group=group)
        np.testing.assert_array_equal(x.sel(sample=group).values, expected)
    with collect() as tallies:
        x.sel(sample="T").compute(scheduler="synchronous")
    told = tallies["fragments", f"{x.attrs['source']}[T]"]
    found = [GROUPS.get(row[3]) for row in files["rows"]]
    assert told == {
        "kept": found.count("T"),
        "other_sample": found.count("B"),
        "unlisted_barcode": found.count(None),
    }


@given(st.data())
@settings(max_examples=30)
def test_read__gives_any_region_as_the_whole(files, data):
    kind = data.draw(st.sampled_from(["indexed", "plain"]))
    count = data.draw(st.sampled_from(["cut_site", "fragment", "midpoint"]))
    contig = data.draw(st.sampled_from(["chr1", "chr2", "chr3"]))
    start = data.draw(st.integers(0, LENGTHS[contig] - 1))
    end = data.draw(st.integers(start + 1, LENGTHS[contig]))
    x = ga.open_fragments(files[kind], like=TOY, count=count, chunks=None).fragments
    found = x.sel(position=f"{contig}:{start}-{end}").values
    expected = brute(files["rows"], count)[OFFSET[contig] + start : OFFSET[contig] + end]
    np.testing.assert_array_equal(found, expected)


def test_open_fragments__reads_groups_of_any_kind(files, tmp_path):
    frame = pd.DataFrame({"n": 1, "sample": GROUPS.values(), "barcode": GROUPS.keys()})
    table = write_text(tmp_path / "g.tsv", ("barcode", "sample"), *GROUPS.items())
    given = [GROUPS, pd.Series(GROUPS), frame, frame[["barcode", "sample"]], table]
    options = {"like": TOY, "chunks": 200}
    found = [ga.open_fragments(files["indexed"], groups=g, **options).fragments for g in given]
    assert len({x.data.name for x in found}) == 1
    for groups, message in [
        ({}, "lists no barcode"),
        ({"A": 3}, "barcode 'A' has the sample 3"),
        (3, "a int is no groups="),
        (frame.assign(barcode="A"), "belongs to 'B' and to 'T'"),
        (frame[["n", "sample"]].assign(x=2), "name two of them barcode and sample"),
    ]:
        with pytest.raises(GenomeError, match=message):
            ga.open_fragments(files["indexed"], like=TOY, groups=groups)
    table.write_text("A\tB\tC\n")
    with pytest.raises(InputError, match=r"g\.tsv, line 1: 'A.tB.tC' is no pair"):
        ga.open_fragments(files["indexed"], like=TOY, groups=table)
    with pytest.raises(GenomeError, match="barcodes of several files may be the same"):
        ga.open_fragments([files["indexed"], files["plain"]], like=TOY, groups=GROUPS)


def test_open_fragments__stacks_files_and_pickles_small(files):
    x = ga.open_fragments({"a": files["indexed"], "b": files["gzip"]}, like=TOY)
    np.testing.assert_array_equal(x.fragments.sel(sample="a"), x.fragments.sel(sample="b"))
    assert x.fragments.attrs["source"] == [str(files["indexed"]), str(files["gzip"])]
    assert len(pickle.dumps(x)) < 10_000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)).fragments, x.fragments)
    options = [{}, {"weight": "count"}, {"shift": (4, -4)}, {"count": "fragment"},
               {"groups": {BARCODES[0]: "a"}}, {"groups": {BARCODES[1]: "a"}}]  # fmt: skip
    names = [ga.open_fragments(files["plain"], like=TOY, **o).fragments.data.name for o in options]
    assert len(set(names)) == len(options)


def test_open_fragments__goes_into_a_store_with_its_totals(files, tmp_path):
    x = ga.open_fragments(files["indexed"], like=TOY)
    ga.to_zarr(x, tmp_path / "x.zarr", shard=200, chunk=100)
    stored = ga.open_zarr(tmp_path / "x.zarr")
    np.testing.assert_array_equal(stored.fragments, brute(files["rows"]))
    assert stored.fragments.attrs["fragments"] == {"kept": len(files["rows"])}
    cells = ga.open_fragments(files["indexed"], like=TOY, groups=GROUPS)
    ga.to_zarr(cells, tmp_path / "cells.zarr", shard=200, chunk=100)
    np.testing.assert_array_equal(
        ga.open_zarr(tmp_path / "cells.zarr").fragments.sel(sample="T"),
        brute(files["rows"], group="T"),
    )


def test_open_fragments__drops_and_names_contigs_and_rows_that_do_not_fit(tmp_path):
    rows = [("chr1", 5, 9), ("chr1", 1030, 1040), ("chr1", 1037, 1050), ("chrU", 1, 2),
            ("chrU", 1, 5)]  # fmt: skip
    plain = write_text(tmp_path / "x.bed", *rows)
    for path in (plain, indexed(write_text(tmp_path / "y.bed", *rows))):
        strict = ga.open_fragments(path, like=TOY, chunks=500).fragments
        assert strict.attrs["contigs_dropped"] == ["chrU"]
        assert strict.attrs["rows_dropped"] == 2
        assert strict[:500].values.sum() == 2
        with pytest.raises(InputError, match=r"fragment chr1:1030-1040: it ends past the 1,037 bp"):
            strict.values  # noqa: B018
        x = ga.open_fragments(path, like=TOY, chunks=500, out_of_bounds="drop").fragments
        with collect() as tallies:
            assert x.sel(contig="chr1").compute(scheduler="synchronous").values.sum() == 2
        assert tallies["fragments", str(path)] == {"kept": 1, "out_of_bounds": 2}
    other = ga.Assembly("other", {"1": 1037})
    with pytest.raises(ContigError, match='rename_contigs="match"'):
        ga.open_fragments(plain, like=other)
    renamed = ga.open_fragments(
        plain, like=other, rename_contigs={"chr1": "1"}, out_of_bounds="drop"
    )
    assert renamed.fragments.values.sum() == 2
    assert renamed.fragments.attrs["contigs_renamed"] == {"chr1": "1"}


@pytest.mark.parametrize(
    ("text", "line", "problem", "options"),
    [
        ("chr1\t5\t9\nchr1 5 9\n", 2, "1 columns in 'chr1 5 9'", {}),
        ("chr1\t5\t9\nchr1\t5\n", 2, "2 columns", {}),
        ("chr1\t5\t9\nchr1\t5\t9\tA\n", 2, "where the rows before have 3", {}),
        ("#x\n\nchr1\t-5\t9\n", 3, "start is '-5'", {}),
        ("chr1\t5\t9.0\n", 1, "end is '9.0'", {}),
        ("chr1\t5\t\n", 1, "end is ''", {}),
        ("chr1\t5\t4294967296\n", 1, "end is '4294967296'", {}),
        ("chr1\t9\t9\n", 1, "start 9 is not below end 9", {}),
        ("chr1\t9\t5\n", 1, "start 9 is not below end 5", {}),
        ("chr1\t5\t9\tA\n", 1, "4 columns .* and contig, start, end, barcode, count are needed",
         {"weight": "count"}),
        ("chr1\t5\t9\n", 1, "3 columns .* and contig, start, end, barcode are needed",
         {"groups": {"A": "a"}}),
        ("chr1\t5\t9\tA\t1x\n", 1, "count is '1x'", {"weight": "count"}),
        ("chr1\t5\t9\nch\xff1\t5\t9\n", 2, "is no UTF-8", {}),
        ("chr1\t5\t9\n\t5\t9\n", 2, "there is no contig", {}),
        ("chr1\t5\t900\nchr1\t5", 2, "2 columns", {}),
        ("chr1\t5\t900\rchr1\t6\t9\r", 1, "a carriage return stands within", {}),
        ("#x\nchr1\t5\t9\n#\rchr1\t6\t9", 3, "a carriage return stands within", {}),
    ],
)  # fmt: skip
def test_open_fragments__names_the_malformed_line(tmp_path, text, line, problem, options):
    path = tmp_path / "x.tsv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"x\.tsv, line {line}: .*{problem}"):
        ga.open_fragments(path, like=TOY, **options)


def test_open_fragments__reads_headings_line_ends_and_odd_contigs(tmp_path):
    path = tmp_path / "x.bed"
    path.write_bytes(
        b"browser position chr1\r\ntrack name=x\r\n#c\r\n\r\nchr1\t5\t9\r\nbrow\t1\t2\r\nt\t3\t4"
    )
    like = ga.Assembly("odd", {"chr1": 10, "brow": 10, "t": 10})
    x = ga.open_fragments(path, like=like).fragments
    assert np.flatnonzero(x).tolist() == [5, 8, 11, 23]
    path.write_bytes(b"# nothing\n")
    assert ga.open_fragments(path, like=TOY).fragments.values.sum() == 0
    path.write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        ga.open_fragments(path, like=TOY)


def test_open_fragments__finds_damage(files, tmp_path):
    whole = files["indexed"].read_bytes()
    cut = tmp_path / "cut.tsv.gz"
    cut.write_bytes(whole[:-28])
    with pytest.raises(InputError, match="the file was cut off"):
        ga.open_fragments(cut, like=TOY)
    cut.write_bytes(files["gzip"].read_bytes()[:-300])
    with pytest.raises(InputError, match=r"after line \d+: the gzip data are damaged"):
        ga.open_fragments(cut, like=TOY)
    flipped = tmp_path / "flipped.tsv.gz"
    flipped.write_bytes(whole[:200] + bytes([whole[200] ^ 4]) + whole[201:])
    with pytest.raises(InputError, match="damaged"):
        ga.open_fragments(flipped, like=TOY)
    index = files["indexed"].with_name("sorted.tsv.gz.tbi").read_bytes()
    (tmp_path / "flipped.tsv.gz.tbi").write_bytes(index)
    x = ga.open_fragments(flipped, like=TOY).fragments
    with pytest.raises(InputError, match="a BGZF block cannot be inflated"):
        x.values  # noqa: B018


def test_open_fragments__refuses_indexes_of_other_files(files, tmp_path):
    index = files["indexed"].with_name("sorted.tsv.gz.tbi")
    for name, rows in {
        "fewer": random_rows(0)[5:],
        "other": random_rows(3, number=2000),
        "moved": [("chr3", 1, 5, "A", 1), *random_rows(0)],
    }.items():
        path = indexed(write_text(tmp_path / name, *rows))
        (tmp_path / f"{name}.gz.tbi").write_bytes(index.read_bytes())
        x = ga.open_fragments(path, like=TOY).fragments
        with pytest.raises(InputError, match=r"index|start is|columns|BGZF|sorted"):
            x.values  # noqa: B018
    for content, problem in [
        (b"", "the file is empty"),
        (b"TBI\1", "the index is damaged"),
        (gzip.compress(b"BAI\1" + bytes(60)), "it is no .tbi index"),
        (index.read_bytes()[:60], "the index is damaged"),
        (gzip.compress(gzip.decompress(index.read_bytes())[:80]), "the index is damaged"),
    ]:
        (tmp_path / "fewer.gz.tbi").write_bytes(content)
        with pytest.raises(InputError, match=problem):
            ga.open_fragments(tmp_path / "fewer.gz", like=TOY)
    (tmp_path / "fewer.gz.tbi").unlink()
    pysam.tabix_index(str(tmp_path / "fewer.gz"), preset="vcf", force=True)
    with pytest.raises(InputError, match="other columns than those of a bed file"):
        ga.open_fragments(tmp_path / "fewer.gz", like=TOY)


def test_open_fragments__refuses_a_file_that_changed(files, tmp_path):
    path = write_text(tmp_path / "x.tsv", *files["rows"])
    x = ga.open_fragments(path, like=TOY).fragments
    write_text(path, *files["rows"][1:])
    with pytest.raises(InputError, match="was changed after it was opened"):
        x.values  # noqa: B018


def test_open_fragments__does_not_load_more_than_the_byte_limit(files, monkeypatch):
    monkeypatch.setattr(fragment_tables, "_tables", type(fragment_tables._tables)())
    with ga.set_options(byte_limit=2000):
        with pytest.raises(GenomeError, match=r"without an index .* tabix -p bed"):
            ga.open_fragments(files["plain"], like=TOY)
        assert ga.open_fragments(files["indexed"], like=TOY).fragments.values.sum()
    with ga.set_options(byte_limit=5000):
        ga.open_fragments(files["plain"], like=TOY)
        with pytest.raises(GenomeError, match="fragments of files without an index"):
            ga.open_fragments([files["plain"], files["gzip"]], like=TOY)


def test_open_fragments__refuses_options_that_are_not_possible(files):
    for options, message in [
        ({"count": "coverage"}, "count='coverage' is not known; known are cut_site"),
        ({"weight": "reads"}, "weight='reads' is not known"),
        ({"out_of_bounds": "pad"}, "known are error, drop"),
        ({"shift": (4, -4), "count": "fragment"}, "moves cut sites"),
        ({"shift": (4,)}, "give two numbers of bp"),
        ({"like": None}, "give like="),
    ]:
        with pytest.raises(GenomeError, match=message):
            ga.open_fragments(files["plain"], **{"like": TOY, **options})


def test_open_fragments__refuses_counts_past_uint32(tmp_path):
    path = write_text(tmp_path / "x.tsv", *[("chr1", 5, 9, "A", 2**31)] * 2)
    x = ga.open_fragments(path, like=TOY, weight="count").fragments
    with pytest.raises(InputError, match="a count of 4,294,967,296 does not fit uint32"):
        x.values  # noqa: B018


@given(st.lists(st.binary(min_size=1, max_size=12), unique=True, max_size=200))
@settings(max_examples=30)
def test_words__are_numbered_in_order_however_they_come(words):
    found = Words(words[:3])
    for word in words[3:]:
        found.extend([word])
    assert found.words() == words


def test_open_fragments__reads_the_yeast_fragments(shared_data, tmp_path):
    path = shared_data / "yeast_sacCer3/atac/SRR1822137_atac_fragments.sacCer3.bed.gz"
    frame = pd.read_csv(path, sep="\t", names=["contig", "start", "end"])
    lengths = frame.groupby("contig", sort=False).end.max().astype(int).to_dict()
    like = ga.Assembly("yeast", lengths)
    text = tmp_path / "yeast.bed"
    text.write_bytes(gzip.decompress(path.read_bytes()))
    offset = pd.Series(np.cumsum([0, *lengths.values()])[:-1], index=list(lengths))
    base = frame.contig.map(offset).to_numpy()
    expected = np.zeros(like.size, dtype=np.uint32)
    np.add.at(expected, base + frame.start.to_numpy(), 1)
    np.add.at(expected, base + frame.end.to_numpy() - 1, 1)
    for one in (path, indexed(text)):
        x = ga.open_fragments(one, like=like, chunks=700_000).fragments
        np.testing.assert_array_equal(x.values, expected)


def test_open_fragments__finds_rows_across_windows_of_the_index(tmp_path):
    length = 1_000_000
    rng = np.random.default_rng(5)
    start = np.sort(rng.integers(0, length - 700, 30_000))
    end = start + rng.integers(1, 700, len(start))
    end[:3] = length - 10  # reach over every window of the index
    rows = [("c", a, b) for a, b in zip(start.tolist(), end.tolist(), strict=True)]
    path = indexed(write_text(tmp_path / "x.bed", ("b", 5, 9), *rows, ("d", 7, 9)))
    like = ga.Assembly("long", {"b": 20, "c": length, "d": 20})
    expected = np.zeros(length, dtype=np.int64)
    np.add.at(expected, np.concatenate([start, end - 1]), 1)
    bases = np.zeros(length + 1, dtype=np.int64)
    np.add.at(bases, start, 1)
    np.add.at(bases, end, -1)
    for count, due in (("cut_site", expected), ("fragment", np.cumsum(bases)[:-1])):
        x = ga.open_fragments(path, like=like, count=count, chunks=None).fragments
        for low in [0, 16_383, 16_384, 500_000, 999_000, *rng.integers(0, length - 1, 20).tolist()]:
            high = min(low + int(rng.integers(1, 40_000)), length)
            found = x.sel(position=f"c:{low}-{high}").values
            np.testing.assert_array_equal(found, due[low:high])
        np.testing.assert_array_equal(x.sel(contig="c"), due)
