import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import dask
import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.inference.tiles.predictor import Predictor
from genoarrays.models.signature import Signature
from genoarrays.store.schedule import in_processes

TOY = ga.Assembly("toy", {"chr1": 310, "tiny": 7, "chr2": 205})
WIDTH, FLANK = 20, 15


def genome(seed=0):
    rng = np.random.default_rng(seed)
    size = int(TOY.lengths.sum())
    cuts = rng.integers(0, 5, (size, 2)).astype("uint32")
    return xr.Dataset(
        {
            "dna": ("position", rng.integers(0, 4, size).astype("int8"), {"alphabet": "ACGT"}),
            "cuts": (("position", "strand"), cuts),
            "reads": (("position", "strand"), cuts),
        },
        ga.genome_coords(TOY),
    ).assign_coords(strand=["+", "-"])


DS = genome()
CUT = {
    "width": WIDTH, "flank": {"dna": FLANK, "reads": 5}, "bin_size": {"reads": 5},
    "reduce": {"reads": "sum"},
}  # fmt: skip


def examples(regions):
    return ga.windows(DS, regions, **CUT)


def labelled(x):
    """With targets of all kinds: profiles of 1 and 5 bp, one value, and tracks."""
    rows = x.sizes["window"]
    bound = (("window", "track"), np.zeros((rows, 2), "float32"))
    x = x.assign(open=("window", np.zeros(rows, "float32")), bound=bound)
    return x.assign_coords(track=["reb1", "rap1"])


@pytest.fixture(scope="module")
def model():
    """Gives targets of all kinds from DNA; weights are random."""
    keras.utils.set_random_seed(0)
    length = WIDTH + 2 * FLANK
    entry = keras.Input((length,), dtype="int8", name="dna")
    hidden = keras.layers.Conv1D(6, 5, padding="same", activation="gelu")(ga.models.OneHot()(entry))
    sums = keras.layers.GlobalAveragePooling1D()(hidden)
    inner = keras.layers.Cropping1D(FLANK)(hidden)
    some = keras.layers.AveragePooling1D(5)(keras.layers.Cropping1D(FLANK - 5)(hidden))
    outputs = {
        "open": keras.layers.Dense(1, "sigmoid", name="open")(sums),
        "bound": keras.layers.Dense(2, name="bound")(sums),
        "cuts": keras.layers.Dense(2, name="cuts")(inner),
        "reads": keras.layers.Dense(2, name="reads")(some),
    }
    made = keras.Model(entry, list(outputs.values()))
    x = labelled(examples(["chr1:0-20:+", "chr1:20-40:+"]))
    made.signature = Signature.of(x, "dna", list(outputs))
    return made


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "toy.model"
    place.mkdir()
    model.save(place / "model.keras")
    (place / "signature.json").write_text(json.dumps(model.signature.to_json()))
    return place


def tiles(contig, step=WIDTH):
    return ga.tile_regions(
        ga.read_regions([f"{contig}:0-{TOY.length(contig)}"], like=TOY), WIDTH, step
    )


def content(path):
    """Bytes of a store, by file."""
    return {str(f.relative_to(path)): f.read_bytes() for f in Path(path).rglob("*") if f.is_file()}


def run(model, out=None, **options):
    options = {"like": DS, "batch_size": 4, "scheduler": "threads", **options}
    return ga.predict_genome(model, options.pop("examples", examples), out=out, **options)


def travelling(monkeypatch):
    """Let every part be predicted by a copy that was sent; gives what was."""
    sent, values = [], Predictor.values

    def by_copy(self, start, stop):
        sent.append(pickle.dumps(self))
        return values(pickle.loads(sent[-1]), start, stop)

    monkeypatch.setattr(Predictor, "values", by_copy)
    return sent


def test_predict_genome__is_predict_on_tiles_of_each_contig(model, tmp_path):
    y = run(model, tmp_path / "y.zarr")
    assert {n.path for n in y.leaves} == {"/20bp", "/1bp", "/5bp"}
    assert dict(y["20bp"].sizes) == {"position": 16 + 1 + 11, "track": 2}
    for contig in TOY.names:
        known = ga.predict(model, examples(tiles(contig)))
        ones = y["20bp"].to_dataset().sel(contig=contig)
        np.testing.assert_allclose(ones.open, known.open, rtol=1e-6)
        np.testing.assert_allclose(
            ones.bound.transpose("position", "track"), known.bound, rtol=1e-5
        )
        assert ones.track.values.tolist() == ["reb1", "rap1"]
        length = TOY.length(contig)
        profile = known.cuts.values.reshape(-1, 2)[:length]
        np.testing.assert_allclose(
            y["1bp"].cuts.sel(contig=contig).transpose("position", "strand"), profile, rtol=1e-5
        )
        inner = known.reads.values[:, 1:-1].reshape(-1, 2)[: -(-length // 5)]
        np.testing.assert_allclose(
            y["5bp"].reads.sel(contig=contig).transpose("position", "strand"), inner, rtol=1e-5
        )


def test_predict_genome__pads_short_contigs_as_training_does(model):
    y = run(model, targets="open", contigs="tiny").compute()
    assert dict(y.sizes) == {"position": 1}
    codes = np.full(WIDTH + 2 * FLANK, 4, "int8")
    codes[FLANK : FLANK + 7] = DS.dna.sel(contig="tiny")
    np.testing.assert_allclose(y.open, model.predict_on_batch(codes[None])[0].ravel(), rtol=1e-6)


@pytest.mark.parametrize("overlap", ["center", "mean"])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 1},
        {"batch_size": 128, "chunk": 20, "shard": 40},
        {"batch_size": 3, "chunk": 40, "shard": 400, "memory": "1 MiB"},
    ],
)
def test_predict_genome__does_not_depend_on_how_it_is_cut(model, overlap, options, tmp_path):
    shared = {"step": 5, "overlap": overlap}
    y = run(model, tmp_path / "y.zarr", **shared, **options)
    known = run(model, **shared)
    for node in known.children:
        for name, array in known[node].data_vars.items():
            there = y[node][name].transpose(*array.dims)
            np.testing.assert_allclose(there, array, rtol=1e-5, atol=1e-6)


def test_predict_genome__takes_centers_or_means_of_overlapping_tiles(model):
    step, length = 5, TOY.length("chr2")
    known = ga.predict(model, examples(tiles("chr2", step)))
    starts = known.start.values
    mean, center = (
        run(model, step=step, overlap=how, contigs=["chr2"], targets=["cuts", "open"])
        for how in ("mean", "center")
    )
    for base in [0, 1, 19, 20, 57, 203, 204]:
        covers = np.flatnonzero((starts <= base) & (base < starts + WIDTH))
        values = [known.cuts.values[row, base - starts[row]] for row in covers]
        place = f"chr2:{base}-{base + 1}"
        found = mean["1bp"].cuts.sel(position=place).values.ravel()
        np.testing.assert_allclose(found, np.mean(values, axis=0), rtol=1e-5)
        nearest = covers[np.argmin(np.abs(starts[covers] + WIDTH / 2 - base - 0.5))]
        found = center["1bp"].cuts.sel(position=place).values.ravel()
        np.testing.assert_allclose(
            found, known.cuts.values[nearest, base - starts[nearest]], rtol=1e-5
        )
    for start in range(0, length, step):
        covers = (starts <= start) & (starts + WIDTH >= min(start + step, length))
        found = mean["5bp"].open.sel(position=f"chr2:{start}-{start + 1}")
        np.testing.assert_allclose(found, [known.open.values[covers].mean()], rtol=1e-5)


def test_predict_genome__is_lazy_without_out(model):
    calls = []

    def counted(regions):
        calls.append(regions.sizes["region"])
        return examples(regions)

    with ga.testing.count_computes() as computes:
        y = run(model, examples=counted, targets="open")
    assert y.open.chunks is not None
    assert computes == []
    before = len(calls)
    part = y.open.sel(position="chr2:40-80").compute(scheduler="synchronous")
    assert len(calls) > before
    xr.testing.assert_allclose(part, y.open.compute().sel(position="chr2:40-80"))
    picked = y.open.isel(position=[25, 3, 3, -1]).compute(scheduler="synchronous")
    np.testing.assert_allclose(picked, y.open.values[[25, 3, 3, -1]], rtol=1e-5)


def test_predict_genome__predicts_regions_where_there_are_only_these(model):
    known = run(model, targets=["open", "cuts"])
    some = DS.sel(position=["chr1:35-61", "chr2:200-205"])
    y = run(model, like=some, targets=["open", "cuts"])
    labels = list(zip(y["20bp"].contig.values, y["20bp"].position.values, strict=True))
    assert labels == [("chr1", 20), ("chr1", 40), ("chr1", 60), ("chr2", 200)]
    place = ["chr1:20-80", "chr2:200-205"]
    for node, name in (("20bp", "open"), ("1bp", "cuts")):
        whole = known[node].to_dataset()[name].compute().sel(position=place)
        xr.testing.assert_allclose(y[node].to_dataset()[name].compute(), whole)


def test_predict_genome__makes_the_windows_of_the_signature(saved, tmp_path, monkeypatch):
    ga.to_zarr(DS, tmp_path / "toy.zarr", scheduler="threads")
    there = ga.open_zarr(tmp_path / "toy.zarr")
    with monkeypatch.context() as patched:
        travelling(patched)
        y = run(saved, tmp_path / "y.zarr", examples=None, like=there, targets="open")
    xr.testing.assert_equal(y, run(saved, tmp_path / "z.zarr", targets="open"))
    other = ga.rename_contigs(there, {"chr1": "one"})
    with pytest.raises(ga.AssemblyError, match="trained on 'toy'"):
        run(saved, examples=None, like=other)


def test_predict_genome__averages_both_strands(model):
    y = run(model, targets=["cuts"], both_strands="mean", contigs="chr2").compute()
    known = ga.predict(model, examples(tiles("chr2")), both_strands="mean").cuts.values
    np.testing.assert_allclose(y.cuts, known.reshape(-1, 2)[:205], rtol=1e-5)


def test_predict_genome__tells_how_it_was_made(model, saved, tmp_path):
    y = run(saved, tmp_path / "y.zarr", targets="open", overlap="mean", step=10)
    attrs = y.open.attrs
    assert attrs["model"] == str(saved)
    assert attrs["step"] == 10
    assert attrs["inputs"]["dna"]["alphabet"] == "ACGT"
    assert Signature.from_json(attrs["signature"]).width == WIDTH
    assert len(attrs["inputs_digest"]) == len(attrs["model_digest"]) == 32
    assert ga.verify(tmp_path / "y.zarr") == []
    # a model and its copy on disk are the same
    z = run(model, tmp_path / "z.zarr", targets="open", overlap="mean", step=10)
    assert z.open.attrs["model_digest"] == attrs["model_digest"]
    xr.testing.assert_equal(z, y)


def test_predict_genome__predicts_again_only_what_changed(model, tmp_path, monkeypatch):
    out = tmp_path / "y.zarr"
    run(model, out, targets="open")
    before = content(out)
    with monkeypatch.context() as patched:
        patched.setattr(Predictor, "values", None)
        run(model, out, targets="open")
    assert content(out) == before
    with pytest.raises(ga.StoreError, match="both_strands was forward, is mean"):
        run(model, out, targets="open", both_strands="mean")
    other = keras.models.clone_model(model)
    other.signature = model.signature
    with pytest.raises(ga.StoreError, match="model_digest was"):
        run(other, out, targets="open")
    ds = genome(seed=1)
    made = lambda regions: ga.windows(ds, regions, **CUT)  # noqa: E731
    with pytest.raises(ga.StoreError, match="inputs_digest was"):
        run(model, out, targets="open", examples=made)
    assert content(out) == before
    run(model, out, targets="open", examples=made, overwrite="changed")
    assert content(out) != before


def test_predict_genome__goes_on_after_an_error(model, tmp_path, monkeypatch):
    run(model, tmp_path / "whole.zarr")
    asked, values = [], Predictor.values

    def failing(self, start, stop):
        asked.append(start)
        if len(asked) == 3:
            raise ga.GenomeError("no more")
        return values(self, start, stop)

    out = tmp_path / "y.zarr"
    monkeypatch.setattr(Predictor, "values", failing)
    with pytest.raises(ga.GenomeError, match="no more") as caught:
        run(model, out, workers=1)
    assert "while writing predictions, chr1:160-240, part 2 of" in caught.value.__notes__[0]
    assert not out.exists()
    with pytest.raises(ga.StoreError, match=r"unfinished write of something else.*overlap"):
        run(model, out, overlap="mean")
    first = list(asked)
    run(model, out, workers=1)
    assert set(first[:2]).isdisjoint(asked[len(first) :])
    assert content(out) == content(tmp_path / "whole.zarr")


def test_predict_genome__goes_on_after_a_kill(saved, tmp_path):
    run(saved, tmp_path / "whole.zarr")
    out = tmp_path / "y.zarr"
    script = f"""
        import os, signal
        import genoarrays as ga
        from genoarrays.inference.tiles.predictor import Predictor
        from tests.inference.tiles.test_genome import run
        values, asked = Predictor.values, []
        def killed(self, start, stop):
            asked.append(start)
            if len(asked) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return values(self, start, stop)
        Predictor.values = killed
        run({str(saved)!r}, {str(out)!r}, workers=1)
    """
    code = textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not out.exists()
    with pytest.warns(UserWarning, match="taking over"):
        run(saved, out)
    assert content(out) == content(tmp_path / "whole.zarr")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["whole.zarr", "y.zarr"]


def test_predict_genome__plans_for_a_client_whatever_dask_s_scheduler_is():
    with dask.config.set(scheduler="dask.distributed"):  # as it is while a client is current
        assert in_processes(object(), None)
        with pytest.raises(ga.GenomeError, match=r"scheduler='dask\.distributed' is not known"):
            in_processes(None, None)
    assert in_processes(None, "processes")
    assert not in_processes(None, "threads")


@pytest.mark.slow
def test_predict_genome__runs_on_a_cluster_whose_workers_die(model, saved, tmp_path):
    from distributed import Client, LocalCluster, get_worker

    flag = tmp_path / "killed"

    def dying(regions):
        try:
            get_worker()
            flag.touch(exist_ok=False)
        except (ValueError, FileExistsError):  # not in a worker, or a worker died already
            return examples(regions)
        os.kill(os.getpid(), signal.SIGKILL)

    run(saved, tmp_path / "whole.zarr")
    with (
        LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        run(saved, tmp_path / "y.zarr", examples=dying, client=client)
        y = run(model, tmp_path / "sent.zarr", client=client, targets="open")
    assert flag.exists()
    assert content(tmp_path / "y.zarr") == content(tmp_path / "whole.zarr")
    xr.testing.assert_equal(y, ga.open_zarr(tmp_path / "whole.zarr", "20bp")[["open"]])


@pytest.mark.parametrize("by_path", [True, False])
def test_predict_genome__travels_to_other_processes(model, saved, by_path, tmp_path, monkeypatch):
    known = run(model, tmp_path / "known.zarr")
    sent = travelling(monkeypatch)
    y = run(saved if by_path else model, tmp_path / "y.zarr")
    xr.testing.assert_equal(y, known)
    assert (len(sent[0]) < 20_000) == by_path


def test_predict_genome__refuses_what_the_model_was_not_made_for(model, tmp_path):
    out = tmp_path / "y.zarr"
    with pytest.raises(ga.RegionError, match=r"width=40 bp, and the model was trained on .* 20 bp"):
        run(model, out, width=40)
    wide = lambda regions: ga.windows(DS, regions, **{**CUT, "flank": 10})  # noqa: E731
    with pytest.raises(ga.RegionError, match="'dna' has 40 along 'offset_dna', not 50"):
        run(model, out, examples=wide)
    with pytest.raises(ga.RegionError, match=r"input 'dna' has the shape \(40,\) .* takes \(50,\)"):
        run(model, out, examples=wide, check=False)
    other = DS.drop_vars(["position", "contig", "assembly"]).assign_coords(
        ga.genome_coords(ga.Assembly("other", {"chrA": 310, "chrB": 212}))
    )
    made = lambda regions: ga.windows(other, regions, **CUT)  # noqa: E731
    with pytest.raises(ga.AssemblyError, match="'other'"):
        run(model, out, examples=made, like=other)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"step": 30}, "step=30 bp is not possible for tiles of 20 bp"),
        ({"step": 3}, "bins of 5 bp, and step=3"),
        ({"overlap": "max"}, "overlap='max' is not known"),
        ({"targets": "closed"}, "no output 'closed'; it has 'open', 'bound'"),
        ({"contigs": "chr9"}, "chr9"),
        ({"examples": lambda r: examples(r).isel(window=slice(1, None))}, "one for each"),
        ({"examples": lambda r: examples(r).isel(window=slice(None, None, -1))}, "in their order"),
    ],
)
def test_predict_genome__refuses_what_is_not_possible(model, options, match, tmp_path):
    with pytest.raises(ga.GenomeError, match=match):
        run(model, tmp_path / "y.zarr", **options)
    assert list(tmp_path.iterdir()) == []


def test_predict_genome__names_the_contig_whose_inputs_are_missing(tmp_path):
    entry = keras.Input((WIDTH,), name="signal")
    small = keras.Model(entry, keras.layers.Dense(1, name="y")(entry))
    ds = xr.Dataset({"signal": ("position", np.ones(522, "float32"))}, ga.genome_coords(TOY))
    made = lambda regions: ga.windows(ds, regions, width=WIDTH)  # noqa: E731
    with pytest.raises(ga.GenomeError, match="'signal' is NaN in window chr1:300-320") as caught:
        run(small, tmp_path / "y.zarr", examples=made, width=WIDTH)
    assert "before anything is predicted" in caught.value.__notes__[0]
    assert list(tmp_path.iterdir()) == []


def test_predict_genome__names_the_first_nan(model, tmp_path):
    entry = keras.Input((WIDTH + 2 * FLANK,), dtype="int8", name="dna")
    heads = keras.ops.cast(entry[:, FLANK : FLANK + 1], "float32")
    unknown = keras.Model(entry, keras.layers.Identity(name="y")(keras.ops.log(3 - heads) * 0))
    ds = DS.copy(deep=True)
    ds.dna[:] = 0
    ds.dna[[0, 20, 380]] = [1, 3, 4]
    made = lambda regions: ga.windows(ds, regions, **CUT)  # noqa: E731
    with pytest.raises(ga.GenomeError, match=r"predicts NaN for 'y' in the window chr1:20-40:\+"):
        run(unknown, tmp_path / "y.zarr", examples=made, width=WIDTH, batch_size=64)
    assert list(tmp_path.iterdir()) == []
