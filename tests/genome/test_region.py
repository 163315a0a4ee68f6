import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.sampled_from(["+", "-", "."]))
def test_region__reads_back_what_str_writes(start, length, strand):
    one = ga.Region("chr1", start, start + length, strand)
    assert ga.region(str(one)) == one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr2", ga.Region("chr2")),
        ("chr2:1,000-2,000", ga.Region("chr2", 1000, 2000)),
        (" chr2:1_000-2000:- ", ga.Region("chr2", 1000, 2000, "-")),
        ("chr2:5-", ga.Region("chr2", 5)),
        ("HLA-A*01:01:10-20", ga.Region("HLA-A*01:01", 10, 20)),
    ],
)
def test_region__reads_what_people_write(text, expected):
    assert ga.region(text) == expected


def test_region__takes_known_names_as_they_are():
    name = "HLA-A*01:01:01:01"
    assert ga.region(name, contigs=[name]) == ga.Region(name)


def test_region__one_based_is_closed():
    assert ga.region("chr1:1-1", one_based=True) == ga.Region("chr1", 0, 1)
    with pytest.raises(ga.RegionError, match="positions start at 1"):
        ga.region("chr1:0-5", one_based=True)


@pytest.mark.parametrize("text", ["", "chr1:", "chr1:100", "chr1:20-10", "chr1:7-7", "chr1:,-5", 5])
def test_region__refuses(text):
    with pytest.raises(ga.RegionError):
        ga.region(text)
