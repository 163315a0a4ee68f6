import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.examples.margin import without_margin
from tests.examples import brute

HOW = st.sampled_from(["mean", "sum", "max", "min"])


@pytest.mark.parametrize("node", ["1bp", "5bp"])
@settings(max_examples=15)
@given(data=st.data(), kind=st.sampled_from(brute.KINDS))
def test_jitter__holds_each_window_at_each_place(genomes, node, data, kind):
    grid = 1 if node == "1bp" else brute.BIN
    number = data.draw(st.integers(0, len(genomes) - 1))
    lengths, nodes, sources, _ = genomes[number]
    width = data.draw(st.integers(1, 5)) * grid
    rows = data.draw(brute.rows(lengths, width, most=4, grid=grid))
    step = data.draw(st.integers(1, 3)) * grid
    margin = data.draw(st.integers(1, 3)) * step
    side = st.integers(0, 3).map(lambda n: n * grid)
    ds = nodes[node]
    flank = {name: data.draw(st.tuples(side, side)) for name in ds.data_vars}
    how = {n: data.draw(HOW) for n in ds.data_vars if n != "dna" and data.draw(st.booleans())}
    bins = {n: width for n in how if data.draw(st.booleans())}
    flank |= dict.fromkeys(bins, (0, 0))
    options = {"flank": flank, "reduce": how, "bin_size": bins}
    x = ga.windows(
        sources[node][kind], brute.tiles(rows, width, ds), width, jitter=(margin, step), block=2,
        valid=True, **options,
    ).compute(scheduler="synchronous")  # fmt: skip
    for move in range(-margin, margin + 1, step):
        expected, masks = brute.brute(ds, rows, width, move=move, **options)
        moved = xr.Dataset({name: at(x, name, move) for name in (*expected,)})
        brute.check(moved.transpose("window", ...), expected, rows)
        for name, mask in masks.items():
            np.testing.assert_array_equal(at(x, f"valid_{name}", move), mask)
    offsets = [x[f"offset_{name}"] for name in ds.data_vars if f"offset_{name}" in x.coords]
    assert all(o.values[0] == -flank[o.name[7:]][0] - o.attrs.get("jitter", 0) for o in offsets)


def at(x, name, move):
    """A variable of windows that were moved towards their 3' ends."""
    array = x[name]
    if "shift" in array.dims:
        return array.sel(shift=move).drop_vars("shift")
    dim = next(dim for dim in array.dims if dim.startswith("offset"))
    attrs = array[dim].attrs
    margin, by = (n // attrs["bin_size"] for n in (attrs["jitter"], move))
    part = array.isel({dim: slice(margin + by, array.sizes[dim] - margin + by)})
    return part.drop_vars(dim)


def test_without_margin__equals_windows_without_jitter():
    ds = brute.fine({"chr1": 40, "chr2": 23})
    options = {"flank": (2, 4), "reduce": {"label": "max"}, "valid": True}
    regions = brute.tiles([("chr1", 0, 6, "+"), ("chr2", 18, 22, "-")], 6)
    lost = without_margin(ga.windows(ds, regions, 6, jitter=(4, 2), **options))
    xr.testing.assert_identical(lost.compute(), ga.windows(ds, regions, 6, **options).compute())


@pytest.mark.parametrize("move", [-3, -1, 0, 2, 3])
def test_jitter__equals_windows_of_moved_regions(move):
    ds = brute.fine({"chr1": 40, "chr2": 23})
    rows = [
        ("chr1", 4, 12, "+"),
        ("chr1", 30, 38, "-"),
        ("chr2", 3, 11, "."),
        ("chr2", 14, 22, "-"),
    ]
    by = [-move if strand == "-" else move for *_, strand in rows]
    moved = [(c, s + b, e + b, strand) for (c, s, e, strand), b in zip(rows, by, strict=True)]
    wide = ga.windows(
        ds, brute.table(rows, like=ds), flank=(2, 5), jitter=3, reduce={"depth": "mean"}
    )
    there = ga.windows(ds, brute.table(moved, like=ds), flank=(2, 5), reduce={"depth": "mean"})
    for name in ds.data_vars:
        np.testing.assert_array_equal(at(wide, name, move), there[name])


def test_jitter__labels_offsets_and_shifts():
    ds = ga.testing.random_genome({"chr1": 60})
    x = ga.windows(ds, ["chr1:20-30:-"], flank=(3, 1), jitter=(4, 2), reduce={"label": "max"})
    assert x.offset.values.tolist() == list(range(-7, 15))
    assert {k: x.offset.attrs[k] for k in ("bin_size", "width", "jitter", "jitter_step")} == {
        "bin_size": 1, "width": 10, "jitter": 4, "jitter_step": 2,
    }  # fmt: skip
    assert x.label.dims == ("window", "shift")
    assert x["shift"].values.tolist() == [-4, -2, 0, 2, 4]
    none = ga.windows(ds, ["chr1:20-30"], jitter=0, reduce={"label": "max"})
    assert "shift" not in none.dims
    assert "jitter" not in none.offset.attrs


@pytest.mark.parametrize(
    ("size", "jitter", "message"),
    [
        (5, 5, r"bins of 5 bp, and windows are moved by multiples of 1; say jitter=\(5, 5\)"),
        (5, 3, r"say jitter=\(5, 5\)"),
        (5, (6, 3), r"say jitter=\(10, 5\)"),
        (1, (4, 3), r"jitter=\(4, 3\) is not possible"),
        (1, -1, "jitter="),
        (1, (4, 0), "jitter="),
        (1, 1.5, "jitter=1.5 is not possible"),
        (1, (2, 1, 1), "jitter="),
    ],
)
def test_jitter__refuses(size, jitter, message):
    ds = ga.testing.random_genome({"chr1": 60}, bin_size=size)
    with pytest.raises(ga.RegionError, match=message):
        ga.windows(ds, ["chr1:20-30"], jitter=jitter)


def test_jitter__off_the_contig_is_filled():
    ds = ga.testing.random_genome({"chr1": 20, "chr2": 20})
    x = ga.windows(ds, ["chr2:1-6:+", "chr1:15-19:-", "chr1:15-19:+"], 5, anchor="start", jitter=3)
    assert x.dna.values[0, :2].tolist() == [4, 4]
    assert x.dna.values[1, :3].tolist() == [4, 4, 4]
    assert x.dna.values[2, -3:].tolist() == [4, 4, 4]
    assert (x.dna.values[0, 2:] == ds.dna.values[20:29]).all()
