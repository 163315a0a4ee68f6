import gzip

import pytest

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.text import lines as module
from genoarrays.formats.text.fields import integers
from genoarrays.formats.text.lines import convert_blocks
from tests.formats.files import bgzip


def line_numbers(path):
    parts = convert_blocks(Stamp.of(path), lambda lines: lines)
    return [(int(p.number[row]), p.line(row)) for p in parts for row in range(len(p))]


@pytest.mark.parametrize("block", [1, 7, 2**22])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("zipped", [False, True])
def test_convert_blocks__numbers_lines_as_in_the_file(
    tmp_path, monkeypatch, block, end, last, mark, zipped
):
    monkeypatch.setattr(module, "_BLOCK", block)
    texts = [
        b"#x",
        b"a\t1",
        b"",
        b"  ",
        b" # y",
        b"track x",
        b"tracks\t2",
        b"b",
        b"browser",
        b"b c",
    ]
    data = mark + end.join(texts) + (end if last else b"")
    path = tmp_path / "x.txt"
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert line_numbers(path) == [(2, b"a\t1"), (7, b"tracks\t2"), (8, b"b"), (10, b"b c")]


def test_convert_blocks__finds_the_first_of_several_bad_lines(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    path.write_text("# head\na\t1\t2\na\t1\tx\na\ty\t2\na\nb\t1\tz\n")

    def convert(lines):
        fields = lines.split(True, 3)
        return integers(fields, 1, "first") + integers(fields, 2, "second")

    for block in (1, 2**22):
        monkeypatch.setattr(module, "_BLOCK", block)
        with pytest.raises(InputError, match=r"x\.txt, line 3: second is 'x'"):
            convert_blocks(Stamp.of(path), convert)


def test_convert_blocks__refuses_what_is_no_text(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes("a\t1\nb\t2\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="line 1: there is a zero byte"):
        line_numbers(path)
    path.write_bytes(b"a\t1\nb\t2\0\n")
    with pytest.raises(InputError, match="line 2: there is a zero byte"):
        line_numbers(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        line_numbers(path)
    for text, line in [(b"a\t1\rb\t2\r", 1), (b"#x\ra\t1\r", 1), (b"a\t1\n#\n\n#\rb\t2\n", 4)]:
        path.write_bytes(text)
        with pytest.raises(InputError, match=rf"line {line}: a carriage return .*: tr "):
            line_numbers(path)


def test_convert_blocks__refuses_bgzip_that_was_cut_off_at_the_edge_of_a_block(tmp_path):
    path = tmp_path / "x.bed"
    path.write_text("".join(f"chr1\t{n}\t{n + 9}\n" for n in range(20_000)))
    raw = bgzip(path).read_bytes()
    edge = int.from_bytes(raw[16:18], "little") + 1
    for end in (edge, len(raw) - 28):
        path.write_bytes(raw[:end])
        with pytest.raises(InputError, match=rf"x\.bed, byte {end}: .* the file was cut off"):
            line_numbers(path)


def test_split__takes_runs_of_white_space_or_single_tabs(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("a  1 \t x \nb 2\ty\n")
    (fields,) = convert_blocks(Stamp.of(path), lambda lines: lines.split(False, 3))
    assert [fields.column(n) for n in range(3)] == [[b"a", b"b"], [b"1", b"2"], [b"x", b"y"]]
    path.write_text("a\t\tx y\nb\t2\t\n")
    (fields,) = convert_blocks(Stamp.of(path), lambda lines: lines.split(True, 3))
    assert [fields.column(n) for n in range(3)] == [[b"a", b"b"], [b"", b"2"], [b"x y", b""]]
