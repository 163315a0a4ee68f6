"""How much does a genome axis cost? Run with: pytest benchmarks/genome.py

An hg38-size axis (455 contigs, 3.09e9 bp) and one of 100,000 scaffolds. Targets: build < 50 ms,
`sel` of a region < 5 ms, repr < 50 ms, pickle < 100 kB, open < 0.2 s.
"""

import pickle

import dask.array as da
import pytest
import xarray as xr

import genoarrays as ga

HG38 = {f"chr{i}": 125_000_000 for i in range(1, 25)} | {f"chrUn_{i}": 205_700 for i in range(431)}
MANY = {f"scaffold{i}": 1000 + i for i in range(100_000)}


@pytest.fixture(params=["hg38", "100,000 scaffolds"])
def assembly(request):
    return ga.Assembly(request.param, HG38 if request.param == "hg38" else MANY)


@pytest.fixture
def ds(assembly):
    coords = ga.genome_coords(assembly)
    lazy = da.zeros(coords.sizes["position"], chunks=2**25, dtype="f4")
    return xr.Dataset({"x": ("position", lazy)}, coords)


def test_build(benchmark, assembly):
    benchmark(
        lambda: ga.genome_coords(
            ga.Assembly("new", dict(zip(assembly.names, assembly.lengths.tolist(), strict=True)))
        )
    )


def test_sel(benchmark, ds):
    name = ga.axis_of(ds).assembly.names[1]
    benchmark(lambda: ds.sel(position=f"{name}:500-900"))


def test_repr(benchmark, ds):
    benchmark(lambda: repr(ds))


def test_arithmetic(benchmark, ds):
    benchmark(lambda: ds.assign(y=ds.x + ds.x))


def test_pickle(benchmark, ds):
    size = len(benchmark(lambda: pickle.dumps(ds.drop_vars("x"))))
    benchmark.extra_info["bytes"] = size
    print(f"pickle: {size:,} bytes")


def test_open(benchmark, assembly, tmp_path):
    path = tmp_path / "a.zarr"
    coords = ga.genome_coords(assembly, 100_000)
    zeros = da.zeros(coords.sizes["position"], dtype="f4")
    ga.to_zarr(xr.Dataset({"x": ("position", zeros)}, coords), path)
    benchmark(lambda: ga.open_zarr(path))
