"""Are profiles the averages that one gets gene by gene?"""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga

LENGTHS = {"chr1": 60, "chr2": 44}
GENES = [("chr1", 3, 20, "+"), ("chr1", 8, 30, "-"), ("chr2", 0, 44, "-"), ("chr1", 57, 60, "+"),
         ("chr2", 10, 12, ".")]  # fmt: skip


def genome():
    ds = ga.testing.random_genome(LENGTHS, seed=2)
    ds.signal.values[20:23] = np.nan
    return ds


def table(genes, like):
    return ga.read_regions([f"{c}:{a}-{b}:{s}" for c, a, b, s in genes], like=like)


def bases(array, contig, strand, first, last):
    """Values (base, ...) of [first, last) counted along the strand; NaN off the contig."""
    part = array.sel(contig=contig).values.astype("f8")
    out = np.full((last - first, *part.shape[1:]), np.nan)
    for k, place in enumerate(range(first, last)):
        if 0 <= place < len(part):
            out[k] = part[place]
    if strand == "-":
        out = out[::-1]
        out = out[..., ::-1] if "strand" in array.dims else out
    return out


def means(values, axis=0):
    count = (~np.isnan(values)).sum(axis)
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis) / np.where(count, count, np.nan)


def anchored(array, genes, anchor, up, down, size):
    rows = []
    for contig, start, end, strand in genes:
        minus = strand == "-"
        place = {
            "five_prime": end - 1 if minus else start, "three_prime": start if minus else end - 1,
            "center": (start + end) // 2,
        }[anchor]  # fmt: skip
        low = place - down + 1 if minus else place - up
        values = bases(array, contig, strand, low, low + up + down)
        rows.append(means(values.reshape(-1, size, *values.shape[1:]), 1))
    return np.array(rows)


def scaled(array, genes, up, down, size, body):
    rows = []
    for contig, start, end, strand in genes:
        low, high = (start - down, end + up) if strand == "-" else (start - up, end + down)
        values = bases(array, contig, strand, low, high)
        number = end - start
        cut = [values[k : k + size] for k in range(0, up, size)]
        for k in range(body):
            a = min(k * number // body, number - 1)
            cut.append(values[up + a : up + min(max((k + 1) * number // body, a + 1), number)])
        cut += [values[up + number + k : up + number + k + size] for k in range(0, down, size)]
        rows.append([means(v) for v in cut])
    return np.array(rows)


def check(found, rows):
    count = (~np.isnan(rows)).sum(0)
    np.testing.assert_array_equal(found["count"], count)
    np.testing.assert_allclose(found["mean"], means(rows), rtol=1e-5)
    spread = np.array([
        np.nanstd(cell, ddof=1) if (~np.isnan(cell)).sum() > 1 else np.nan
        for cell in rows.reshape(len(rows), -1).T
    ]).reshape(count.shape)  # fmt: skip
    np.testing.assert_allclose(found["sd"], spread, rtol=1e-4, atol=1e-6)


@settings(max_examples=30)
@given(
    name=st.sampled_from(["signal", "reads"]), chunk=st.sampled_from([None, 13]),
    anchor=st.sampled_from(["five_prime", "three_prime", "center"]),
    up=st.integers(0, 4), down=st.integers(0, 4), size=st.integers(1, 3),
    genes=st.lists(st.sampled_from(GENES), min_size=1, max_size=6),
)  # fmt: skip
def test_metagene__equals_averaging_gene_by_gene(name, chunk, anchor, up, down, size, genes):
    array = genome()[name]
    if up + down == 0:
        return
    rows = anchored(array, genes, anchor, up * size, down * size, size)
    given_ = array if chunk is None else array.chunk(position=chunk)
    found = ga.metagene(
        given_, table(genes, array), anchor=anchor, upstream=up * size, downstream=down * size,
        bin_size=size,
    )  # fmt: skip
    check(found.compute(scheduler="synchronous"), rows)
    assert found.offset.values.tolist() == list(range(-up * size, down * size, size))
    assert found["mean"].dims[0] == "offset"


@settings(max_examples=30)
@given(
    name=st.sampled_from(["signal", "reads"]), chunk=st.sampled_from([None, 13]),
    up=st.integers(0, 2), down=st.integers(0, 2), size=st.integers(1, 3),
    body=st.integers(1, 6), at_once=st.sampled_from([1, 20, 1000]),
    genes=st.lists(st.sampled_from(GENES), min_size=1, max_size=6),
)  # fmt: skip
def test_metagene__of_scaled_bodies(name, chunk, up, down, size, body, at_once, genes):
    array = genome()[name]
    rows = scaled(array, genes, up * size, down * size, size, body)
    given_ = array if chunk is None else array.chunk(position=chunk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genoarrays.examples.metagene._AT_ONCE", at_once)
        found = ga.metagene(
            given_, table(genes, array), anchor="scaled", upstream=up * size,
            downstream=down * size, bin_size=size, body_bins=body,
        )  # fmt: skip
    check(found.compute(scheduler="synchronous"), rows)
    along = np.arange(-up * size, (body + down) * size, size)
    np.testing.assert_array_equal(found.bin, along)
    assert found.part.values.tolist() == ["upstream"] * up + ["body"] * body + ["downstream"] * down


@pytest.mark.parametrize("anchor", ["five_prime", "scaled"])
def test_metagene__of_groups_and_lazily(anchor):
    array = genome().signal.chunk(position=16)
    genes = table(GENES, array)
    genes["kind"] = ("region", ["a", "b", "a", "b", None])
    options = {"anchor": anchor, "upstream": 4, "downstream": 4}
    with ga.testing.count_computes() as computed:
        found = ga.metagene(array, genes, by="kind", **options)
        assert not computed
    assert found["mean"].dims[0] == "kind"
    for kind, rows in (("a", [0, 2]), ("b", [1, 3])):
        alone = ga.metagene(array, genes.isel(region=rows), **options)
        xr.testing.assert_allclose(
            found.sel(kind=kind, drop=True)["mean"].compute(), alone["mean"].compute()
        )


def test_metagene__of_binned_tracks():
    array = ga.coarsen(genome().signal, 4)
    places = ["chr1:8-20", "chr2:16-24"]
    found = ga.metagene(array, places, upstream=8, downstream=8, bin_size=8)
    rows = [means(array.sel(position=p).values.astype("f8")) for p in (
        "chr1:0-8", "chr1:8-16", "chr2:8-16", "chr2:16-24")]  # fmt: skip
    expected = (np.array(rows[:2]) + np.array(rows[2:])) / 2
    np.testing.assert_allclose(found["mean"], expected, rtol=1e-5)
    with pytest.raises(ga.RegionError, match="does not start on that grid"):
        ga.metagene(array, ["chr1:7-20"], upstream=8, downstream=8)
    with pytest.raises(ga.RegionError, match="no multiple of the 4 bp"):
        ga.metagene(array, ["chr1:8-20"], upstream=6, downstream=6, bin_size=6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchor": "tss", "upstream": 1}, "anchor='tss' is not known"),
        ({}, "nothing around the anchor"),
        ({"upstream": 5, "bin_size": 2}, "no multiple of bin_size=2"),
        ({"upstream": -1}, "at least 0"),
        ({"anchor": "scaled", "body_bins": 0}, "at least 1"),
    ],
)
def test_metagene__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.metagene(genome().signal, ["chr1:3-9"], **options)


def test_metagene__refuses_what_cannot_be_averaged():
    ds = genome()
    with pytest.raises(ga.GenomeError, match="codes of letters"):
        ga.metagene(ds.dna, ["chr1:3-9"], upstream=1)
    with pytest.raises(ga.GenomeError, match="no single variable"):
        ga.metagene(ds, ["chr1:3-9"], upstream=1)
    none = table(GENES, ds).isel(region=slice(0))
    with pytest.raises(ga.GenomeError, match="no regions"):
        ga.metagene(ds.signal, none, upstream=1)
