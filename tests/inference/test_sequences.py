"""Sequences without coordinates, from reading to scores."""

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga


def motifs(count=240, seed=0):
    """Random sequences; a motif on either strand makes the label."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for number in range(count):
        text = "".join(rng.choice(list("ACGT"), 40))
        if number % 2:
            at = int(rng.integers(0, 30))
            text = text[:at] + ("TGACTCAG" if number % 4 == 1 else "CTGAGTCA") + text[at + 8 :]
        texts.append(text)
        labels.append(number % 2)
    return ga.from_sequences(texts, ids=[f"s{n}" for n in range(count)], bound=labels)


def test_batches__of_sequences_are_shuffled_with_their_labels():
    x = motifs(50).chunk(sequence=7)
    seen = 0
    for dna, bound in ga.batches(x, inputs="dna", targets="bound", batch_size=8):
        assert (dna.dtype, bound.dtype) == (np.int8, np.float32)
        for codes, label in zip(dna, bound, strict=True):
            found = np.flatnonzero((x.dna.values == codes).all(axis=1))
            assert x.bound.values[found].tolist() == [label]
        seen += len(dna)
    assert seen == 50
    stream = ga.to_tf(x, inputs=["dna"], targets="bound", batch_size=25, shuffle=False)
    first = next(iter(stream))[0]["dna"].numpy()
    np.testing.assert_array_equal(first, x.dna.values[:25])


def test_batches__of_sequences_name_what_is_wrong():
    x = motifs(6).assign(y=("sequence", np.float32([0, 1, np.nan, 0, 0, 0])), z=("k", [1]))
    with pytest.raises(ga.GenomeError, match=r"target 'y' is NaN in sequence s2 \(row 2\)"):
        list(ga.batches(x, inputs="dna", targets="y", batch_size=2))
    with pytest.raises(ga.GenomeError, match=r"'z' has the dims .* need `sequence`"):
        ga.batches(x, inputs="z", batch_size=2)
    with pytest.raises(ga.RegionError, match="no sequences to stream"):
        ga.batches(x[{"sequence": slice(0)}], inputs="dna", batch_size=2)
    protein = ga.from_sequences(["MAFS"], alphabet="protein")
    augment = ga.Augment(reverse_complement=True)
    with pytest.raises(ga.GenomeError, match="'protein' has no other strand"):
        ga.batches(protein, inputs="protein", batch_size=1, augment=augment)


def test_fit_predict_score__keep_the_ids(tmp_path):
    x = motifs()
    train, valid, test = ga.split_sequences(x, valid=0.2, test=0.2)
    model = ga.models.classifier(train, "dna", "bound", filters=8, kernel_size=8, depth=1)
    ga.fit(
        model, train, validation=valid, inputs="dna", targets="bound", epochs=1, batch_size=32,
        augment=ga.Augment(reverse_complement=True), out=tmp_path / "model",
    )  # fmt: skip
    y = ga.predict(tmp_path / "model", test)
    assert (y.name, y.dims) == ("bound", ("sequence",))
    xr.testing.assert_identical(y.id, test.id)
    assert y.sel(id=test.id.values[3]).item() == y.values[3]
    direct = model.predict_on_batch(test.dna.values)[:, 0]
    np.testing.assert_allclose(y, direct, atol=1e-6)
    both = ga.predict(model, test, both_strands="mean")
    turned = model.predict_on_batch(ga.reverse_complement(test.dna).values)[:, 0]
    np.testing.assert_allclose(both, (direct + turned) / 2, atol=1e-6)
    assert ga.score(test.bound, y).n == test.sizes["sequence"]
    with pytest.raises(ga.RegionError, match="different sequences, or in another order"):
        ga.score(test.bound, y[::-1])
    with pytest.raises(ga.RegionError, match="have 48 along 'sequence', predictions 5"):
        ga.score(test.bound, y[:5])
    with pytest.raises(ga.RegionError, match="'dna' has 30 along 'offset', not 40"):
        ga.predict(model, test.isel(offset=slice(30)))


def test_predict__takes_a_model_of_windows_to_sequences():
    ds = ga.testing.random_genome({"chr1": 400})
    windows = ga.windows(ds[["dna"]], ["chr1:0-40", "chr1:100-140"])
    windows["bound"] = "window", np.float32([0, 1])
    model = ga.models.classifier(windows, "dna", "bound", filters=4, depth=1)
    y = ga.predict(model, motifs(4))
    assert y.id.values.tolist() == ["s0", "s1", "s2", "s3"]


@pytest.mark.parametrize("alphabet", ["rna", "protein"])
def test_models__of_single_strands_take_rna_and_proteins(alphabet):
    rng = np.random.default_rng(0)
    letters = "ACGU" if alphabet == "rna" else "ACDEFG"
    texts = ["".join(rng.choice(list(letters), 30)) for _ in range(20)]
    x = ga.from_sequences(texts, alphabet=alphabet, y=rng.integers(0, 2, 20))
    x["trace"] = ("sequence", "offset"), rng.random((20, 30)).astype("float32")
    for model, target in (
        (ga.models.classifier(x, alphabet, "y", filters=4, depth=1), "y"),
        (ga.models.profile(x, alphabet, "trace", filters=4, dilations=1), "trace"),
    ):
        ga.fit(model, x, inputs=alphabet, targets=target, epochs=1)
        assert ga.predict(model, x).dims == x[target].dims


def test_qki__trains_and_predicts_by_id(shared_data):
    folder = shared_data / "rbp_qki_sequences"
    files = {kind: folder / f"qki.test.{kind}.fasta.gz" for kind in ("positive", "negative")}
    x = ga.open_sequences(files, ids="number")
    x["binds"] = (x.source == "positive").astype("float32")
    train, test = ga.split_sequences(x, test=0.25)
    model = ga.models.classifier(train, "dna", "binds", filters=8, kernel_size=7, depth=1)
    ga.fit(model, train, inputs="dna", targets="binds", epochs=1)
    y = ga.predict(model, test)
    found = ga.score(test.binds, y, metrics=["auroc"], by="source")
    assert found.n.sum() == test.sizes["sequence"] == y.sizes["sequence"] == 544
    assert set(y.id.values) == set(test.id.values)
