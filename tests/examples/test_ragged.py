"""Do windows of many lengths, laid end to end, hold what each region has?"""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from tests.examples import brute


@st.composite
def ragged_rows(draw, lengths, grid=1):
    """Regions of no base, of one, of many; inside, over the end and past it."""
    found = []
    for _ in range(draw(st.integers(1, 7))):
        contig = draw(st.sampled_from(list(lengths)))
        size = lengths[contig]
        start = draw(st.integers(0, size // grid + 1)) * grid
        length = min(draw(st.sampled_from([0, 1, 2, 5, 9, 14, size])), size)
        found.append((contig, start, start + length, draw(st.sampled_from("+-."))))
    return found


@st.composite
def cases(draw, grid, names):
    """A genome, regions, options of `ga.windows`, and windows per block."""
    number = draw(st.integers(0, len(brute.GENOMES) - 1))
    rows = draw(ragged_rows(brute.GENOMES[number], grid))
    side = st.integers(0, 4).map(lambda n: n * grid)
    sides = st.one_of(side, st.tuples(side, side))
    flank = draw(st.one_of(sides, st.fixed_dictionaries(dict.fromkeys(names, sides))))
    fill = {name: draw(st.integers(0, 1)) for name in names if draw(st.booleans())}
    return number, rows, {"flank": flank, "fill": fill}, draw(st.integers(1, 4))


def sizes(ds, rows, flank):
    """Bins of each window, by variable: up to whole ones."""
    found = {}
    for name in ds.data_vars:
        side = brute.of(flank, name, 0)
        both = sum(side) if isinstance(side, tuple) else 2 * side
        size = ga.bin_size_of(ds[name])
        found[name] = [-(-(end - start + both) // size) for _, start, end, _ in rows]
    return found


def check(x, ds, rows, own, *, flank, fill):
    """Each variable, its mask and its row sizes are those of the regions one by one."""
    for name in ds.data_vars:
        options = {"flank": brute.of(flank, name, 0), "fill": brute.of(fill, name)}
        one_by_one = [brute.brute(ds[[name]], [row], **options) for row in rows]
        values = np.concatenate([found[name][0] for found, _ in one_by_one])
        there = np.concatenate([masks[name][0] for _, masks in one_by_one]).astype(bool)
        end = f"_{name}" if own else ""
        assert x[name].dims[0] == f"packed{end}"
        brute.check(x, {name: values})
        assert x[name].dtype == ds[name].dtype
        np.testing.assert_array_equal(x[f"valid{end}"], there)
        assert x[f"row_size{end}"].values.tolist() == sizes(ds, rows, flank)[name]
    assert x.window.values.tolist() == [f"{c}:{s}-{e}:{strand}" for c, s, e, strand in rows]


@pytest.mark.parametrize("kind", brute.KINDS)
@pytest.mark.parametrize("node", ["1bp", "5bp"])
@settings(max_examples=20)
@given(data=st.data())
def test_ragged__equals_brute_force(genomes, node, kind, data):
    grid = 1 if node == "1bp" else brute.BIN
    _, nodes, sources, _ = genomes[0]
    number, rows, options, block = data.draw(cases(grid, list(nodes[node].data_vars)))
    _, nodes, sources, _ = genomes[number]
    regions = brute.table(rows, nodes[node])
    x = ga.windows(sources[node][kind], regions, ragged=True, valid=True, block=block, **options)
    own = isinstance(options["flank"], dict)
    check(x.compute(scheduler="synchronous"), nodes[node], rows, own, **options)


@settings(max_examples=20)
@given(data=st.data(), kind=st.sampled_from(brute.KINDS))
def test_ragged__of_a_tree_equals_brute_force(genomes, data, kind):
    _, nodes, _, _ = genomes[0]
    names = [name for ds in nodes.values() for name in ds.data_vars]
    number, rows, options, block = data.draw(cases(brute.BIN, names))
    _, nodes, _, trees = genomes[number]
    x = ga.windows(
        trees[kind],
        brute.table(rows, nodes["1bp"]),
        ragged=True,
        valid=True,
        block=block,
        **options,
    ).compute(scheduler="synchronous")
    for ds in nodes.values():
        check(x, ds, rows, True, **options)


@pytest.mark.parametrize("kind", brute.KINDS)
def test_ragged__of_regions_without_a_base(genomes, kind):
    _, _, sources, _ = genomes[1]
    for rows in ([("chr1", 5, 5, "+")], [("chr2", 23, 23, "-"), ("chr1", 0, 0, ".")]):
        x = ga.windows(sources["1bp"][kind], brute.table(rows), ragged=True, block=1).compute()
        assert x.sizes["packed"] == 0
        assert x.cells.shape == (0, 2, 3)
        assert x.row_size.values.tolist() == [0] * len(rows)


def test_ragged__values_lie_end_to_end():
    ds = places(10)
    x = ga.windows(ds, ["chr1:1-4:+", "chr1:5-9:-", "chr1:9-10:+"], ragged=True, flank=(1, 2))
    assert x.x.values.tolist() == [0, 1, 2, 3, 4, 5, 9, 8, 7, 6, 5, 4, 3, 8, 9, 0, 0]
    assert x.row_size.values.tolist() == [6, 7, 4]
    assert x.row_size.attrs == {"sample_dimension": "packed"}
    assert x.row_size.dims == ("window",)
    assert (x.start.values.tolist(), x.end.values.tolist()) == ([1, 5, 9], [4, 9, 10])


def places(size):
    """Values that tell their place."""
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": size}))
    return xr.Dataset({"x": ("position", np.arange(size))}, coords)


def test_ragged__of_bins_ends_with_the_bin_that_holds_the_last_base():
    ds = ga.testing.random_genome({"chr1": 12}, bin_size=5)[["label"]]
    ds = ds.assign(label=("position", np.array([7, 8, 9], dtype="u1")))
    x = ga.windows(ds, ["chr1:0-1:+", "chr1:0-6:-", "chr1:5-12:+", "chr1:10-11:-"], ragged=True)
    assert x.label.values.tolist() == [7, 8, 7, 8, 9, 9]
    assert x.row_size.values.tolist() == [1, 2, 2, 1]


@settings(max_examples=10)
@given(data=st.data())
def test_ragged__equals_windows_of_each_region_alone(genomes, data):
    lengths, _, sources, _ = genomes[1]
    ds = sources["1bp"]["store"][["dna", "cells"]]
    rows = [("chr1", 3, 4, "-"), *(r for r in data.draw(ragged_rows(lengths)) if r[2] > r[1])]
    x = ga.windows(ds, brute.table(rows, ds), ragged=True, flank=2).compute(scheduler="synchronous")
    ends = np.cumsum(x.row_size.values)
    for row, end, size in zip(rows, ends, x.row_size.values, strict=True):
        alone = ga.windows(ds, brute.table([row], ds), flank=2).compute(scheduler="synchronous")
        for name in ds.data_vars:
            np.testing.assert_array_equal(x[name][end - size : end], alone[name][0])


def test_ragged__of_regions_that_a_store_lacks_is_refused(genomes):
    ds = genomes[0][1]["1bp"]
    part = ds.sel(position=["chr1:2-30", "chr1:40-61"])
    x = ga.windows(part, ["chr1:2-30:-", "chr1:40-41", "chr1:45-61"], ragged=True)
    expected, _ = brute.brute(ds[["count"]], [("chr1", 2, 30, "-")])
    np.testing.assert_array_equal(x["count"][:28], expected["count"][0])
    with pytest.raises(ga.RegionError, match="does not hold all of chr1:28-41"):
        ga.windows(part, ["chr1:5-6", "chr1:28-41"], ragged=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 5}, "leave out width= and anchor="),
        ({"anchor": "center"}, "leave out width= and anchor="),
        ({"reduce": {"label": "max"}}, "keep the bins of 'label'; leave out reduce= for it"),
        ({"reduce": {"label": "max"}, "bin_size": {"label": 3}}, "leave out reduce= for it"),
        ({"jitter": 1}, "no margin to be moved in; leave out jitter="),
    ],
)
def test_ragged__refuses(options, message):
    ds = ga.testing.random_genome({"chr1": 40})
    with pytest.raises(ga.GenomeError, match=message):
        ga.windows(ds, ["chr1:5-8", "chr1:6-12"], ragged=True, **options)


def test_ragged__of_bins_must_start_on_the_grid():
    ds = ga.testing.random_genome({"chr1": 40}, bin_size=5)
    with pytest.raises(ga.RegionError, match=r"chr1:6-12:. does not start on that grid"):
        ga.windows(ds, ["chr1:5-8", "chr1:6-12"], ragged=True)
    x = ga.windows(ds, ["chr1:5-8", "chr1:6-12:-"], ragged=True, snap="down")
    assert (x.start.values.tolist(), x.end.values.tolist()) == ([5, 5], [8, 11])
    assert x.label.values.tolist() == ds.label.values[[1, 2, 1]].tolist()
    assert x.attrs["snapped"] == "1 of 2 windows moved down to multiples of 5 bp"
