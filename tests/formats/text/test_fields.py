import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoarrays.formats.files import Stamp
from genoarrays.formats.text.fields import integers, numbers, texts
from genoarrays.formats.text.lines import Malformed, convert_blocks

NUMBERS = st.one_of(
    st.integers(-(10**18) + 1, 10**18 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**9), 10**9, places=6).map(str),
    st.sampled_from(["0", "-0", "+5", "007", "5.", ".5", "-.25", "1e-5", "3E4", "0.1", "1e300"]),
)


@pytest.fixture
def columns(tmp_path):
    return lambda text: fields_of(tmp_path / "x.txt", text)


def fields_of(path, words):
    path.write_text("".join(f"a\t{word}\tb\n" for word in words))
    (fields,) = convert_blocks(Stamp.of(path), lambda lines: lines.split(True, 3))
    return fields


@given(st.lists(NUMBERS, min_size=1))
def test_numbers__equal_float(tmp_path_factory, words):
    fields = fields_of(tmp_path_factory.mktemp("x") / "x.txt", words)
    want = np.array([float(word) for word in words])
    np.testing.assert_array_equal(numbers(fields, 1, "x").view(np.int64), want.view(np.int64))


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1), st.sampled_from(["", "00"]))
def test_integers__equal_int(tmp_path_factory, values, zeros):
    words = [zeros + str(value) if value >= 0 else str(value) for value in values]
    words = [word if len(word) <= 18 else word.lstrip("0") or "0" for word in words]
    fields = fields_of(tmp_path_factory.mktemp("x") / "x.txt", words)
    assert integers(fields, 1, "x").tolist() == values


@given(st.lists(st.text(st.characters(exclude_characters="\t\n\r\0", codec="utf-8")), min_size=1))
def test_texts__give_codes_in_order_of_appearance(tmp_path_factory, words):
    fields = fields_of(tmp_path_factory.mktemp("x") / "x.txt", words)
    codes = {}
    found = texts(fields, 1, "x", codes)
    assert list(codes) == list(dict.fromkeys(words))
    assert [list(codes)[code] for code in found] == words


def test_texts__compares_wide_fields_one_by_one(columns, monkeypatch):
    words = ["a" * 30, "a" * 30, "a" * 29 + "b", "a" * 30]
    want = texts(columns(words), 1, "x", {}).tolist()
    monkeypatch.setattr("genoarrays.formats.text.fields._WIDE", 8)
    assert texts(columns(words), 1, "x", {}).tolist() == want == [0, 0, 1, 0]


@pytest.mark.parametrize(
    "word", ["", " 5", "5 ", "1e3", "1,000", "1_000", "0x10", "5.0", "--5", "५", "1" * 19, "-", "+"]
)
def test_integers__refuses_what_is_no_whole_number(columns, word):
    with pytest.raises(Malformed, match=re.escape(f"x is {word!r}, no whole number")) as caught:
        integers(columns(["1", "-2", word, "bad too"]), 1, "x")
    assert caught.value.row == 2


@pytest.mark.parametrize("word", ["", ".", "1_0", "1,5", "e5", "1e", "-", "nan", "inf", "1e999"])
def test_numbers__refuses_what_is_none(columns, word):
    with pytest.raises(Malformed, match="x is ") as caught:
        numbers(columns(["1", "-2.5", word]), 1, "x")
    assert caught.value.row == 2
    if word in (".", "nan"):
        assert np.isnan(numbers(columns(["1", word]), 1, "x", missing=True)).tolist() == [0, 1]
