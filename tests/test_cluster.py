"""Do lazy computations give the same on a cluster of processes as here?"""

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

LENGTHS = {"chr1": 5_000, "chr2": 3_001}
REGIONS = ["chr1:10-900:+", "chr1:500-4_000:-", "chr2:2_000-3_001:-"]


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "x.zarr"
    ds = ga.testing.random_genome(LENGTHS)
    ga.to_zarr(ds, path, chunk=256, shard=1024, scheduler="threads")
    return path


@pytest.fixture(scope="module")
def ds(store):
    return ga.open_zarr(store, chunks={"position": 1024})


JOBS = {
    "summarize": lambda ds: ga.summarize(ds.signal),
    "reduce_regions": lambda ds: ga.reduce_regions(
        ds.signal, REGIONS, ["mean", "sd", "coverage", "quantile"], q=[0.1, 0.5]
    ),
    "pooled": lambda ds: ga.reduce_regions(ds.reads, REGIONS, ["sum", "max"], by=["a", "b", "a"]),
    "metagene": lambda ds: ga.metagene(ds.reads, REGIONS, upstream=50, downstream=100, bin_size=10),
    "scaled": lambda ds: ga.metagene(ds.signal, REGIONS, anchor="scaled", body_bins=20),
    "coarsen": lambda ds: ga.coarsen(ds[["signal", "reads"]], 64, "mean"),
    "rolling": lambda ds: ga.rolling(ds.signal, 51, "max"),
    "smooth": lambda ds: ga.smooth(ds.signal, 10),
    "regrid": lambda ds: ga.regrid(ga.coarsen(ds.signal, 50), 128),
    "quantile": lambda ds: ga.quantile(ds.signal, [0.1, 0.9]),
    "histogram": lambda ds: ga.histogram(ds.signal, 10, (0, 5)),
    "correlate": lambda ds: ga.correlate(ds.signal),
    "zscore": lambda ds: ga.normalize(ds.signal, ga.fit_normalizer(ds.signal, "zscore_log")),
    "quantiles": lambda ds: ga.normalize(ds.signal, ga.fit_normalizer(ds.signal, "quantile")),
    "tpm": lambda ds: ga.normalize(ga.coarsen(ds.signal, 64), ga.fit_normalizer(
        ga.coarsen(ds.signal, 64), "tpm", contigs="chr2")),
    "valid_mask": lambda ds: ga.valid_mask(
        ds, exclude=ga.read_regions(REGIONS, like=ds), dna=ds.dna, data=ds.signal
    ),
    "kmer_counts": lambda ds: ga.kmer_counts(ds.dna, 3, REGIONS),
    "one_hot": lambda ds: ga.one_hot(ga.windows(ds[["dna"]], REGIONS, 64, anchor="center").dna, 3),
}  # fmt: skip


@pytest.mark.parametrize("job", JOBS)
def test_lazy_maths__is_the_same_on_a_cluster(job, client, ds):
    lazy = JOBS[job](ds)
    assert lazy.chunks
    there = lazy.compute()  # by the client, which is the current scheduler
    here = lazy.compute(scheduler="synchronous")
    xr.testing.assert_equal(there, here)
    in_memory = JOBS[job](ds.compute(scheduler="synchronous"))
    xr.testing.assert_allclose(in_memory.compute(), here)


def test_fit_normalizer__is_the_same_on_a_cluster(client, ds):
    found = ga.fit_normalizer(ds.signal, "zscore_log", regions=ga.read_regions(REGIONS, like=ds))
    with_threads = ds.signal.compute(scheduler="threads")
    expected = ga.fit_normalizer(
        with_threads, "zscore_log", regions=ga.read_regions(REGIONS, like=ds)
    )
    np.testing.assert_allclose(found["sd"], expected["sd"])


def test_score__is_the_same_on_a_cluster(client, ds):
    names = ["auroc", "auprc", "spearman", "mse"]
    labels = (ds.signal.isel(track=[0, 1]) > 1).astype("float32").where(ds.signal.notnull())
    scores = ds.signal.isel(track=[1, 0]).drop_vars("track").fillna(0)
    scores = scores.assign_coords(track=labels.track) + 0.1 * labels.fillna(0)
    there = ga.score(labels, scores, names, in_memory=False)
    here = [a.compute(scheduler="threads") for a in (labels, scores)]
    xr.testing.assert_allclose(there, ga.score(*here, names), atol=1e-6)
