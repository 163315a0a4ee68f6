import gzip
import re
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.intervals.attributes import select
from genoarrays.formats.intervals.bed import BED_FORMATS
from genoarrays.formats.intervals.rows import format_of, parse_rows
from genoarrays.formats.text import lines as module
from tests.formats.files import write_text


def parse(tmp_path, text, format="bed", wanted=None, name="x.bed"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return parse_rows(Stamp.of(path), format, wanted)


PEAKS = (
    "track type=narrowPeak name=x\n"
    "#chrom\tstart\n"
    "chr1\t20\t560\tp one\t268\t+\t1.5\t2\t-1\t218\n"
    "browser position chr1:1-2\n"
    "\n"
    "chr2\t5\t9\t.\t.\t.\t0\t-1\t-1\t-1\n"
)


@pytest.mark.parametrize("change", [str, lambda t: t.replace("\n", "\r\n"), lambda t: t[:-1]])
def test_parse_rows__reads_narrow_peaks_around_headings(tmp_path, monkeypatch, change):
    for block in (2**22, 40):
        monkeypatch.setattr(module, "_BLOCK", block)
        rows = parse(tmp_path, change(PEAKS), "narrowPeak")
        assert [rows.names[code] for code in rows.code] == ["chr1", "chr2"]
        assert rows.start.tolist() == [20, 5]
        assert rows.end.tolist() == [560, 9]
        assert rows.number.tolist() == [3, 6]
        got = {name: column.tolist() for name, column in rows.columns.items()}
        assert np.isnan(got.pop("score")[1])
        assert got == {
            "name": ["p one", "."],
            "strand": ["+", "."],
            "signal": [1.5, 0],
            "p_value": [2, -1],
            "q_value": [-1, -1],
            "summit": [238, -1],
        }


def test_parse_rows__reads_gzip_spaces_and_only_what_is_wanted(tmp_path):
    rows = parse(tmp_path, gzip.compress(b"chr1 1 5 a 7 +\nchr1   2 6 b 8 -\n"), wanted=["score"])
    assert rows.end.tolist() == [5, 6]
    assert list(rows.columns) == ["score"]
    assert rows.columns["score"].tolist() == [7, 8]


DRAWN = "chr1\t10\t90\tg\t0\t-\t12\t80\t255,0,0\t2\t20,30,\t0,50\n"


def test_parse_rows__reads_all_twelve_columns(tmp_path):
    rows = parse(tmp_path, DRAWN + DRAWN.replace("12\t80\t255,0,0", "90\t90\t0"))
    got = {name: column.tolist() for name, column in rows.columns.items()}
    assert got == {
        "name": ["g", "g"],
        "score": [0, 0],
        "strand": ["-", "-"],
        "thick_start": [12, 90],
        "thick_end": [80, 90],
        "item_rgb": ["255,0,0", "0"],
        "block_count": [2, 2],
        "block_sizes": ["20,30,", "20,30,"],
        "block_starts": ["0,50", "0,50"],
    }
    assert [len(a) for a in rows[3:7]] == [2] * 4
    nine = parse(tmp_path, "\t".join(DRAWN.split("\t")[:9]) + "\n")
    assert list(nine.columns)[-3:] == ["thick_start", "thick_end", "item_rgb"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("chr1\t5\t9\ta\t0\t+\t7", ["column_7"]),
        ("chr1\t5\t9\ta\t0\t+\t7.5\t1.5\t2.5\t1", [f"column_{n}" for n in range(7, 11)]),
        ("chr1\t5\t9\ta\t0\t+\t2\t8", ["column_7", "column_8"]),
        ("chr1\t5\t9\ta\t0\t+\t5\t9\tred", ["column_7", "column_8", "column_9"]),
        (DRAWN.strip().replace("0,50", "0,51"), [f"column_{n}" for n in range(7, 13)]),
        (DRAWN.strip() + "\tx\ty", [*BED_FORMATS["bed"][3:], "column_13", "column_14"]),
    ],
)
def test_parse_rows__keeps_columns_of_others_as_text(tmp_path, text, names):
    rows = parse(tmp_path, text + "\n")
    assert list(rows.columns) == ["name", "score", "strand", *names]
    own = [name for name in names if name.startswith("column")]
    assert [rows.columns[name].tolist() for name in own] == [
        [word] for word in text.split("\t")[-len(own) :]
    ]


@pytest.mark.parametrize("text", ["# nothing\n", "track name=x\n\n"])
def test_parse_rows__reads_files_without_rows(tmp_path, text):
    rows = parse(tmp_path, text)
    assert len(rows.start) == len(rows.code) == 0
    assert rows.names == ()
    assert len(parse(tmp_path, text, "gtf").start) == 0


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("bed", "chr1\t1\t2\nchr1\t9\t5\n", "line 2: start 9 lies past end 5"),
        ("bed", "#\nchr1\tx1\t2\n", "line 2: start is 'x1', no whole number"),
        ("bed", "chr1\t1\t2.5\n", "line 1: end is '2.5', no whole number"),
        ("bed", "chr1\t1\t99999999999999999999\n", "line 1: end is '99999999999999999999'"),
        ("bed", "chr1\t1\n", "line 1: 2 columns in 'chr1\\\\t1', bed has 3"),
        ("bed", "chr1\t1\t2\ta\nchr1\t1\t2\n", "line 2: 3 columns .* the rows before have 4"),
        ("bed", "chr1\t1\t2\ta\thigh\n", "line 1: score is 'high', no number"),
        ("bed", "chr1\t1\t2\ta\t0\t*\n", r"line 1: name is|line 1: strand is '\*'; strands are"),
        ("bed", "chr1\t1\t2\nchr\xff\t1\t2\n", "line 2: contig is .*; use UTF-8 text"),
        ("bed", "chr1\t1e3\t2000\n", "line 1: start is '1e3', no whole number"),
        ("bed", "chr1\t1\t2,000\n", "line 1: end is '2,000', no whole number"),
        ("bed", "chr1\t1\t2\nchr1 3 4\n", "line 2: 1 columns in 'chr1 3 4'"),
        ("bed", "\t1\t2\n", "line 1: there is no contig; name the contig"),
        ("bed", "chr1\t1\t2\ta\tinf\n", "line 1: score is inf; give a number"),
        ("bed", "chr1\t1\t2\nchr1\t1", "line 2: 2 columns in"),
        ("bed", DRAWN + DRAWN.replace("12\t80", "x\t80"), "line 2: thick_start is 'x'"),
        (
            "bed",
            DRAWN + DRAWN.replace("0,50", "0,51"),
            "line 2: a block ends 81 bp after the start",
        ),
        ("bed", DRAWN + DRAWN.replace("0,50", "0"), "line 2: block_starts is '0', and block_count"),
        (
            "bed",
            DRAWN + DRAWN.replace("20,30,", "20,-3"),
            "line 2: block_sizes is '20,-3', no list",
        ),
        ("bedGraph", "chr1\t1\t2\n", "line 1: 3 columns in .*, bedGraph has 4"),
        ("bedGraph", "chr1\t1\t2\t5\nchr1\t2\t3\tnan\n", "line 2: value is nan; give a number"),
        ("bedGraph", "chr1\t1\t2\tinf\n", "line 1: value is inf"),
        ("narrowPeak", "c\t0\t9\t.\t0\t.\t1\t1\t1\t9\n", "line 1: the summit 9 lies past the end"),
    ],
)
def test_parse_rows__names_the_line_that_is_wrong(tmp_path, monkeypatch, format, text, message):
    for block in (2**22, 1):
        monkeypatch.setattr(module, "_BLOCK", block)
        with pytest.raises(InputError, match=r"x\.bed, " + message):
            parse(tmp_path, text.encode("latin-1"), format)


def test_parse_rows__names_the_column_that_is_missing(tmp_path):
    with pytest.raises(
        InputError, match=r"x\.bed, line 1: the bed file has 4 columns, and none for"
    ):
        parse(tmp_path, "chr1\t1\t2\ta\n", wanted=["score"])


def test_parse_rows__refuses_damaged_gzip(tmp_path):
    raw = gzip.compress(PEAKS.encode() * 50)
    with pytest.raises(InputError, match="after line 0: the gzip data are damaged"):
        parse(tmp_path, raw[:-20], "narrowPeak")


def naive(data):
    """Rows of BED3 to BED5 line by line; the number of the first bad line instead, if any."""
    rows, tabs, width = [], None, None
    for number, line in enumerate(data.split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        if b"\r" in line:
            return number
        words = line.split(None, 1)
        if not words or words[0][:1] == b"#" or words[0] in (b"track", b"browser"):
            continue
        tabs = b"\t" in line if tabs is None else tabs
        fields = line.split(b"\t" if tabs else None)
        width = len(fields) if width is None else width
        try:
            assert len(fields) == width >= 3
            assert all(re.fullmatch(rb"[+-]?[0-9]{1,18}", text) for text in fields[1:3])
            row = (fields[0].decode(), *map(int, fields[1:3]))
            assert row[0]
            assert row[1] <= row[2]
            if width > 3:
                row += (fields[3].decode(),)
            if width > 4:
                assert re.fullmatch(rb"\.|[+-]?[0-9.]+(e[0-9]+)?", fields[4])
                row += (np.nan if fields[4] == b"." else float(fields[4]),)
        except (AssertionError, UnicodeDecodeError, ValueError):
            return number
        rows.append((number, *row))
    return rows


WORDS = st.sampled_from(
    [b"chr1", b"chr2", b"track", b"browser", b"#x", b"5", b"17", b"-3", b"1e3", b"2.5", b".", b"",
     b" ", b"\xff", b"\xc3\xa9", b"trackX", b"1,000", b"99999999999999999999", b"+7", b"1_0", b"\r"]
)  # fmt: skip
GOOD = st.tuples(
    st.sampled_from([b"chr1", b"t", b"b\xc3\xa9"]),
    st.sampled_from([b"0", b"3", b"-1"]),
    st.sampled_from([b"4", b"0012", b"123456789012345678"]),
    st.sampled_from([b"a", b"", b"long name"]),
    st.sampled_from([b".", b"1.5", b"-2", b"1e2"]),
).map(b"\t".join)
JUNK = st.lists(WORDS, max_size=5)
LINES = st.one_of(JUNK.map(b"\t".join), JUNK.map(b" ".join), *[GOOD] * 6)


@settings(max_examples=400)
@given(
    st.lists(LINES, min_size=1, max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.sampled_from([1, 20, 2**22]),
)
def test_parse_rows__equals_reading_line_by_line(tmp_path_factory, lines, end, last, block):
    data = end.join(lines) + end * last
    assume(data)
    want = naive(data)
    folder = tmp_path_factory.mktemp("x")
    with mock.patch.object(module, "_BLOCK", block):
        if isinstance(want, int):
            with pytest.raises(InputError) as caught:
                parse(folder, data)
            assert caught.value.where == f"line {want}"
            return
        rows = parse(folder, data)
    contigs = [rows.names[code] for code in rows.code]
    found = [rows.number, contigs, rows.start, rows.end]
    found += [rows.columns[name] for name in ("name", "score") if name in rows.columns]
    assert repr(list(zip(*map(list, map(plain, found)), strict=True))) == repr(want)


def plain(column):
    return column if isinstance(column, list) else column.tolist()


def test_parse_rows__refuses_features_of_files_that_have_none(tmp_path):
    with pytest.raises(GenomeError, match=r"x\.bed: feature=, where= .* read as bed"):
        parse_rows(
            Stamp.of(write_text(tmp_path / "x.bed", ("c", 1, 2))), "bed", None, select("gene", None)
        )


def test_format_of__goes_by_suffix_unless_told():
    names = {"a.bed": "bed", "a.NARROWPEAK.gz": "narrowPeak", "a.broadPeak": "broadPeak",
             "a.bdg.gz": "bedGraph", "a.bedgraph": "bedGraph", "a.gff3.gz": "gff3", "a.gff": "gff3",
             "a.GTF": "gtf"}  # fmt: skip
    assert {name: format_of(name) for name in names} == names
    assert format_of("a.bed.gz", "narrowPeak") == "narrowPeak"
    with pytest.raises(GenomeError, match="format='gff' is not known; known are bed, narrowPeak"):
        format_of("a.gff", "gff")


@pytest.mark.parametrize(
    ("name", "opener"), [("x.vcf.gz", "read_variants"), ("x.bw", "open_bigwig")]
)
def test_format_of__names_the_opener_of_other_files(name, opener):
    with pytest.raises(GenomeError, match=f"open it with ga.{opener}"):
        format_of(name)
    assert format_of(name, "bed") == "bed"
