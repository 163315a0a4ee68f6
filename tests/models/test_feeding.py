import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models.feeding import feed, hold_out, weighed

SIZE = 1200


def windows(flank=0, width=40, step=40):
    """Windows over two contigs."""
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": SIZE, "chr2": SIZE}))
    codes = np.random.default_rng(0).integers(0, 4, coords["position"].size).astype("int8")
    ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    starts = range(0, SIZE - width + 1, step)
    regions = [f"{c}:{s}-{s + width}" for c in ("chr1", "chr2") for s in starts]
    x = ga.windows(ds, regions, flank=flank)
    label = (np.arange(len(regions)) % 3 == 0).astype("float32")
    return x.assign(label=("window", label))


@pytest.mark.parametrize("held", ["chr2", ["chr2"], "table", "path", "text"])
def test_hold_out__takes_contigs_tables_and_files(held, tmp_path):
    file = tmp_path / "held.bed"
    file.write_text(f"chr2\t0\t{SIZE}\n")
    sources = {"table": ga.read_regions([f"chr2:0-{SIZE}"]), "path": file, "text": str(file)}
    held = sources.get(held, held) if isinstance(held, str) else held
    train, valid = hold_out(windows(), held)
    assert (set(train.contig.values), set(valid.contig.values)) == ({"chr1"}, {"chr2"})
    assert train.sizes["window"] == valid.sizes["window"] == SIZE // 40


def test_hold_out__takes_examples_as_they_are_and_none():
    x = windows()
    other = x.isel(window=slice(0, 3))
    train, valid = hold_out(x, None)
    assert train is x
    assert valid is None
    train, valid = hold_out(x, other)
    assert train is x
    assert valid is other


@pytest.mark.parametrize("flank", [0, 10, (0, 30), (25, 5)])
@pytest.mark.parametrize("step", [40, 20])
def test_hold_out__keeps_what_windows_read_apart(flank, step):
    """No base that a validation window reads is read by a training window."""
    train, valid = hold_out(windows(flank, step=step), "chr1:390-410")
    up, down = flank if isinstance(flank, tuple) else (flank, flank)

    def read(part):
        rows = part.isel(window=np.flatnonzero(part.contig.values == "chr1"))
        return {
            base
            for start, end in zip(rows.start.values, rows.end.values, strict=True)
            for base in range(start - up, end + down)
        }

    assert (valid.start.values < 410).all()
    assert (valid.end.values > 390).all()
    assert not read(train) & read(valid)
    assert read(train) >= set(range(0, 390 - 2 * 40 - 2 * max(up, down) - step))


@pytest.mark.parametrize(
    ("rows", "message"), [("chr9\t0\t100\n", "chr9"), ("chr2\t1190\t1195\n", "no window lies on")]
)
def test_hold_out__refuses_files_that_match_nothing(rows, message, tmp_path):
    file = tmp_path / "held.bed"
    file.write_text(rows)
    x = windows().isel(window=slice(0, 35))
    with pytest.raises(ga.GenomeError, match=message):
        hold_out(x, str(file))


@pytest.mark.parametrize(
    ("held", "message"), [("nowhere.bed", "nowhere"), (["chr1", "chr2"], "no window to train on")]
)
def test_hold_out__refuses_what_is_not_there_and_everything(held, message):
    with pytest.raises(ga.GenomeError, match=message):
        hold_out(windows(), held)


def test_hold_out__takes_ids_and_shares_of_sequences():
    x = ga.from_sequences(["AC", "GT", "AA", "CC"], ids=list("abcd"))
    train, valid = hold_out(x, ["c"])
    assert (train.id.values.tolist(), valid.id.values.tolist()) == (["a", "b", "d"], ["c"])
    assert hold_out(x, 0.5)[1].sizes["sequence"] == 2


def test_weighed__multiplies_all_that_is_asked_for():
    x = windows().assign(mine=("window", np.linspace(1, 2, 60)))
    y, name = weighed(x, "label", "mine", "label", {1: 3})
    expected = x.mine * ga.balance_weights(x, "label") * np.where(x.label == 1, 3, 1)
    np.testing.assert_allclose(y[name], expected, rtol=1e-6)
    for weights in ("mine", None):
        same, name = weighed(x, "label", weights, None, None)
        assert same is x
        assert name == weights
    z, name = weighed(x.chunk(window=7), "label", None, "contig", {1: 3})
    assert z[name].chunks is not None
    np.testing.assert_allclose(z[name], np.where(x.label == 1, 3, 1), rtol=1e-6)


def test_weighed__has_a_weight_for_each_track():
    x = windows()
    labels = np.stack([x.label.values, 1 - x.label.values])
    y, name = weighed(x.assign(label=(("track", "window"), labels)), "label", None, None, {0: 0.5})
    assert y[name].dims == ("window", "track")
    np.testing.assert_array_equal(y[name], np.where(labels.T == 0, 0.5, 1))


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (["label", "dna"], (None, None, {0: 1}), "one target, and there are 2"),
        ("label", (None, None, {0: -1}), "0 or more"),
        ("label", ("w", None, None), "weights='w' is no variable"),
        ("label", (None, "b", None), "by='b' is not among"),
    ],
)
def test_weighed__refuses_what_is_not_possible(targets, options, message):
    with pytest.raises(ga.GenomeError, match=message):
        weighed(windows(), targets, *options)


def test_feed__marks_tracks_that_were_not_drawn_as_missing():
    x = windows()
    numbers = xr.DataArray(np.arange(5), dims="track")
    x = x.assign(w=(x.label + 1) * (numbers + 1), label=x.label + 10 * numbers)
    options = {"inputs": "dna", "targets": "label", "weights": "w", "batch_size": 32}
    stream = ga.batches(x, tracks=2, missing_targets=True, **options)
    seen = set()
    for codes, labels, weights in feed(stream):
        assert codes.shape[1:] == (40,)
        there = ~np.isnan(labels.numpy())
        assert (there == there[0]).all()
        drawn = np.flatnonzero(there[0])
        assert len(drawn) == 2
        rows = labels.numpy()[:, drawn]
        assert (rows // 10 == drawn).all()
        np.testing.assert_array_equal(weights.numpy()[:, drawn], (rows % 10 + 1) * (drawn + 1))
        assert not weights.numpy()[~there].any()
        seen |= set(drawn)
    assert len(seen) > 2


def test_feed__refuses_inputs_with_tracks():
    x = windows().assign(depth=(("window", "track"), np.ones((60, 3))))
    x = x.assign(label=(("window", "track"), np.ones((60, 3))))
    stream = ga.batches(x, inputs="depth", targets="label", batch_size=4, tracks=2)
    with pytest.raises(ga.GenomeError, match="input 'depth' has tracks too"):
        feed(stream)
