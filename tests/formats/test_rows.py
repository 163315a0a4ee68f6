import gzip

import numpy as np
import pytest

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats import rows as module
from genoarrays.formats.files import Stamp
from genoarrays.formats.rows import format_of, parse_rows


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
    for block in (2**17, 2):
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


def test_parse_rows__leaves_columns_seven_to_twelve_alone(tmp_path):
    rows = parse(tmp_path, "chr1\t1\t9\tg\t0\t-\t2\t8\t0,0,0\t1\t8,\t0,\n")
    assert list(rows.columns) == ["name", "score", "strand"]


@pytest.mark.parametrize("text", ["# nothing\n", "track name=x\n\n"])
def test_parse_rows__reads_files_without_rows(tmp_path, text):
    rows = parse(tmp_path, text)
    assert len(rows.start) == len(rows.code) == 0
    assert rows.names == ()


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
        ("bedGraph", "chr1\t1\t2\n", "line 1: 3 columns in .*, bedGraph has 4"),
        ("bedGraph", "chr1\t1\t2\t5\nchr1\t2\t3\tnan\n", "line 2: value is nan; give a number"),
        ("bedGraph", "chr1\t1\t2\tinf\n", "line 1: value is inf"),
        ("narrowPeak", "c\t0\t9\t.\t0\t.\t1\t1\t1\t9\n", "line 1: the summit 9 lies past the end"),
    ],
)
def test_parse_rows__names_the_line_that_is_wrong(tmp_path, monkeypatch, format, text, message):
    for block in (2**17, 1):
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


def test_format_of__goes_by_suffix_unless_told():
    names = {"a.bed": "bed", "a.NARROWPEAK.gz": "narrowPeak", "a.broadPeak": "broadPeak",
             "a.bdg.gz": "bedGraph", "a.bedgraph": "bedGraph"}  # fmt: skip
    assert {name: format_of(name) for name in names} == names
    assert format_of("a.bed.gz", "narrowPeak") == "narrowPeak"
    with pytest.raises(GenomeError, match="format='gff' is not known; known are bed, narrowPeak"):
        format_of("a.gff", "gff")
