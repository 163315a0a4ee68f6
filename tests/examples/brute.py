"""Windows built base by base from arrays in memory, and small genomes to cut them from."""

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.index import axis_of
from genoarrays.genome.regions import regions_dataset

COMPLEMENT = np.array([3, 2, 1, 0, 4])
GENOMES = ({"chr1": 61}, {"chr1": 40, "chr2": 23}, {"chr1": 33, "chr2": 7, "chr3": 50})
BIN = 5  # bp of the coarse nodes
KINDS = ("numpy", "dask", "store", "undivided")


def fine(lengths, seed=0):
    """Every type that is stored, at 1 bp."""
    rng = np.random.default_rng(seed)
    ds = ga.testing.random_genome(lengths, seed=seed)
    size = ds.sizes["position"]
    depth = np.where(rng.random(size) < 0.2, np.nan, rng.normal(size=size))
    by_sample = rng.poisson(1.0, (size, 2, 3)).astype("uint32")
    return ds.assign(
        flag=("position", rng.random(size) < 0.3),
        depth=("position", depth),
        count=("position", rng.integers(-9, 9, size)),
        cells=(("position", "strand", "sample"), by_sample),
    )


def coarse(lengths, seed=1):
    """Tracks in bins of 5 bp; other names than the fine ones."""
    ds = ga.testing.random_genome(lengths, bin_size=BIN, seed=seed)
    return ds.rename({name: f"{name}{BIN}" for name in ds.data_vars})


def sources(ds, path, node):
    """The same Dataset in memory, as dask array, and from a store with and without dask."""
    return {
        "numpy": ds,
        "dask": ds.chunk(position=7),
        "store": ga.open_zarr(path, group=node),
        "undivided": ga.open_zarr(path, group=node, chunks=None),
    }


def table(rows, like=None):
    """Regions of tuples (contig, start, end, strand); with `like` they may lie off the contig."""
    assembly = None if like is None else axis_of(like).assembly
    columns = (np.array(column) for column in zip(*rows, strict=True))
    return regions_dataset(*columns, assembly=assembly)


@st.composite
def rows(draw, lengths, width=None, most=6, grid=1):
    """Regions anywhere, in any order; partial ones where `width` is given."""
    found = []
    for _ in range(draw(st.integers(1, most))):
        contig = draw(st.sampled_from(list(lengths)))
        start = draw(st.integers(0, (lengths[contig] - 1) // grid)) * grid
        longest = min(width or 12, lengths[contig])
        whole = draw(st.booleans()) and width is not None
        length = longest if whole else draw(st.integers(1, longest))
        found.append((contig, start, start + length, draw(st.sampled_from("+-."))))
    return [*found, *found[:1]] if draw(st.booleans()) else found


def tiles(rows, width, like=None):
    """Regions as `tile_regions` leaves them: none is longer than the width."""
    return table(rows, like).assign_attrs(tile_width=width)


def of(option, name, default=None):
    return option.get(name, default) if isinstance(option, Mapping) else option


def default_fill(array):
    if "alphabet" in array.attrs:
        return len(array.attrs["alphabet"])
    return np.nan if array.dtype.kind == "f" else 0


def reduced(how, cells, missing):
    """One value per track of some cells, NaN left out."""
    if not cells:
        return None
    stack = np.array(cells, dtype=float).reshape(len(cells), -1)
    kept = [column[~np.isnan(column)] for column in stack.T]
    values = [getattr(np, how)(column) if column.size else missing for column in kept]
    return np.array(values).reshape(np.shape(cells[0]))


def window(ds, name, row, width, *, flank=(0, 0), how=None, bins=None, fill=None, move=0):
    """One window of one variable, and which of its bins exist.

    `move` is towards its 3' end; what lies past the true end of a short tile stays where it is.
    """
    contig, start, end, strand = row
    array, axis = ds[name], axis_of(ds)
    values, size, minus = array.values, axis.bin_size, strand == "-"
    fill = default_fill(array) if fill is None else fill
    lengths = dict(zip(axis.assembly.names, axis.assembly.lengths.tolist(), strict=True))
    before = list(lengths)[: list(lengths).index(contig)]
    first, length = sum(-(-lengths[c] // size) for c in before), lengths[contig]
    by = -move if minus else move
    left, right = (flank[1], flank[0]) if minus else flank
    width = end - start if width is None else width
    cells, there = [], []
    for base in range(start + by - left, start + by + width + right, size):
        past = end <= base < start + width
        exists = 0 <= base < length and not past
        there.append(exists)
        cells.append(values[first + base // size] if exists else None)
    if how is not None and bins != size:
        group = len(cells) if bins is None else bins // size
        parts = [range(at, min(at + group, len(cells))) for at in range(0, len(cells), group or 1)]
        there, cells = (
            [any(there[at] for at in part) for part in parts],
            [reduced(how, [cells[at] for at in part if there[at]], fill) for part in parts],
        )
    if minus and "alphabet" in array.attrs:
        cells = [None if cell is None else COMPLEMENT[cell] for cell in cells]
    cells = [np.full(values.shape[1:], fill) if cell is None else cell for cell in cells]
    out = np.array(cells).reshape(len(cells), *values.shape[1:])
    if minus:
        out, there = out[::-1], there[::-1]
        if "strand" in array.dims:
            out = np.flip(out, array.dims.index("strand"))
    return (out if bins or how is None else out[0]), there


def brute(ds, rows, width=None, *, flank=0, reduce=None, bin_size=None, fill=None, move=0):
    """All variables of `ga.windows`, by name; and the masks of those that have bins."""
    found, masks = {}, {}
    for name in ds.data_vars:
        side = of(flank, name, 0)
        how, bins = of(reduce, name), of(bin_size, name)
        sides = side if isinstance(side, tuple) else (side, side)
        options = {"how": how, "bins": bins, "fill": of(fill, name)}
        one_value = bins is None and how is not None
        options["flank"] = (0, 0) if one_value else sides
        made = [window(ds, name, row, width, move=move, **options) for row in rows]
        found[name] = np.array([values for values, _ in made])
        if not one_value:
            masks[name] = np.array([there for _, there in made])
    return found, masks


def check(x, expected, rows=None):
    """Windows hold what is expected, rounding aside."""
    for name, values in expected.items():
        got = x[name].values
        assert got.shape == values.shape, (name, got.shape, values.shape)
        np.testing.assert_allclose(
            got.astype(float), values.astype(float), rtol=1e-6, atol=1e-6, err_msg=name
        )
    if rows is not None:
        assert x.window.values.tolist() == [f"{c}:{s}-{e}:{strand}" for c, s, e, strand in rows]
