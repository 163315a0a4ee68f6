import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga


def brute_tiles(start, end, width, step, partial):
    found, at = [], start
    while at < end:
        if at + width <= end or partial == "pad":
            found.append((at, min(at + width, end)))
        if at + width >= end:
            break
        at += step
    return found


@given(
    st.integers(0, 50), st.integers(0, 60), st.integers(1, 20), st.integers(1, 25),
    st.sampled_from(["pad", "drop"]),
)  # fmt: skip
def test_tile_regions__equals_brute_force(start, length, width, step, partial):
    table = ga.read_regions(["chr1:0-1"]).assign(
        start=("region", [start]), end=("region", [start + length])
    )
    tiles = ga.tile_regions(table, width=width, step=step, partial=partial)
    expected = brute_tiles(start, start + length, width, step, partial)
    assert (
        list(zip(tiles.start.values.tolist(), tiles.end.values.tolist(), strict=True)) == expected
    )


@pytest.mark.parametrize(
    ("regions", "width", "step", "number"),
    [
        (["chr1:15000-25000:+", "chr2:15000-25000:-"], 200, 200, 100),
        (["chr1:15000-25000:+", "chr2:15000-25000:-"], 200, 400, 50),
        (["chr1:15000-25000:+", "chr2:15000-25000:-"], 200, 50, 394),
        (["chr1:15000-25000:+", "chr2:15000-25000:-"], 3000, 3000, 8),
        ([f"chr1:{s}-{s + 200}" for s in range(15000, 15800, 200)], 180, 20, 8),
    ],
)
def test_tile_regions__numbers_of_windows(regions, width, step, number):
    assert (
        ga.tile_regions(ga.read_regions(regions), width=width, step=step).sizes["region"] == number
    )


def test_tile_regions__keeps_direction_and_columns():
    regions = ga.read_regions(["chr2:0-7:-", "chr1:3-5:+"]).assign(score=("region", [0.5, 2.0]))
    tiles = ga.tile_regions(regions, width=3)
    assert tiles.region.values.tolist() == ["chr2:0-3:-", "chr2:3-6:-", "chr2:6-7:-", "chr1:3-5:+"]
    assert tiles.score.values.tolist() == [0.5, 0.5, 0.5, 2.0]


def test_tile_regions__of_a_genome_covers_every_contig():
    toy = ga.Assembly("toy", {"chr1": 7, "chr2": 3})
    tiles = ga.tile_regions(toy, width=3)
    assert tiles.region.values.tolist() == ["chr1:0-3:.", "chr1:3-6:.", "chr1:6-7:.", "chr2:0-3:."]
    assert ga.tile_regions(toy, width=3, partial="drop").sizes["region"] == 3


def test_tile_regions__align_starts_on_the_grid():
    tiles = ga.tile_regions(ga.read_regions(["chr1:7-33"]), width=10, align=5)
    assert tiles.start.values.tolist() == [10, 20, 30]
    with pytest.raises(ga.RegionError, match="no multiple of align=4"):
        ga.tile_regions(ga.read_regions(["chr1:7-33"]), width=10, align=4)


def test_tile_regions__takes_whole_floats():
    regions = ga.read_regions(["chr1:7-33"])
    tiles = ga.tile_regions(regions, width=10.0, step=np.float32(5), align=5.0)
    assert tiles.identical(ga.tile_regions(regions, width=10, step=5, align=5))
    assert tiles.start.dtype == np.int64
    assert type(tiles.attrs["tile_width"]) is int


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width=0 is not possible; give whole bp, at least 1"),
        ({"width": 5, "step": 0.0}, "step=0 is not possible; give whole bp, at least 1"),
        ({"width": 100.5}, r"width=100\.5 is not possible; give whole bp"),
        ({"width": 5, "step": 2.5}, r"step=2\.5 is not possible; give whole bp"),
        ({"width": 5, "align": float("nan")}, "align=nan is not possible"),
        ({"width": float("inf")}, "width=inf is not possible"),
        ({"width": "5"}, "width='5' is not possible"),
        ({"width": 5, "partial": "maybe"}, "partial='maybe' is not known"),
    ],
)
def test_tile_regions__refuses(options, message):
    with pytest.raises(ga.RegionError, match=message):
        ga.tile_regions(ga.read_regions(["chr1:0-10"]), **options)


def test_tile_regions__of_a_list_says_how_to_read_it():
    with pytest.raises(ga.AssemblyError, match=r"ga\.read_regions\(list, like=\.\.\.\)"):
        ga.tile_regions(["I:0-1000"], 300)
    toy = ga.Assembly("toy", {"I": 1000})
    assert ga.tile_regions(ga.read_regions(["I:0-1000"], like=toy), 300).sizes["region"] == 4


def test_tile_regions__of_windows_tiles_the_windows():
    ds = ga.testing.random_genome({"chr1": 100})
    tiles = ga.tile_regions(ga.windows(ds, ["chr1:10-30:-"]), 10)
    assert tiles.region.values.tolist() == ["chr1:10-20:-", "chr1:20-30:-"]
