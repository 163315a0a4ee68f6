import json

import numpy as np
import pytest

import genoarrays as ga


def write(place, losses, held_out=None, scores=None, **settings):
    place.mkdir(parents=True)
    history = {"loss": losses} | ({"val_loss": held_out} if held_out else {})
    (place / "history.json").write_text(json.dumps(history))
    (place / "fit.json").write_text(json.dumps(settings))
    if scores:
        (place / "scores.json").write_text(json.dumps(scores))
    return place


def test_compare__best_epoch_settings_and_scores(tmp_path):
    write(tmp_path / "a", [3, 2, 1], [2.0, 0.5, 0.9], {"bound": [{"auroc": 0.8, "n": 5}]},
          inputs=["dna", "dnase"], batch_size=64, versions={"keras": "3"})  # fmt: skip
    write(tmp_path / "b", [4, 3], inputs="dna", batch_size=32)
    found = ga.compare(tmp_path)
    assert found.run.values.tolist() == ["a", "b"]
    assert found.epochs.values.tolist() == [3, 2]
    assert found.best_epoch.values.tolist() == [2, 2]
    np.testing.assert_array_equal(found.val_loss, [0.5, np.nan])
    np.testing.assert_array_equal(found.loss, [2, 3])
    np.testing.assert_array_equal(found.auroc, [0.8, np.nan])
    assert found.inputs.values.tolist() == ["dna, dnase", "dna"]
    assert found.batch_size.values.tolist() == [64, 32]
    assert "versions" not in found
    assert "n" not in found
    np.testing.assert_array_equal(found.history_loss, [[3, 2, 1], [4, 3, np.nan]])


def test_compare__sorts_losses_up_and_scores_down(tmp_path):
    for name, auroc in (("a", 0.7), ("b", 0.9), ("c", 0.8)):
        write(tmp_path / name, [1.0], [auroc], {"bound": [{"auroc": auroc}, {"auroc": auroc}]})
    assert ga.compare(tmp_path, sort="auroc").run.values.tolist() == ["b", "c", "a"]
    assert ga.compare(tmp_path, sort="val_loss").run.values.tolist() == ["a", "c", "b"]
    with pytest.raises(ga.GenomeError, match=r"sort='auprc' is not known of these runs; choose"):
        ga.compare(tmp_path, sort="auprc")


def test_compare__runs_are_told_apart_by_the_ends_of_their_paths(tmp_path):
    for order in ("order1", "order3"):
        for seed in ("seed0", "seed1"):
            write(tmp_path / order / seed, [1.0])
    found = ga.compare(tmp_path)
    assert found.run.values.tolist()[:2] == ["order1/seed0", "order1/seed1"]
    places = [tmp_path / "order3" / "seed1", tmp_path / "order3" / "seed0"]
    assert ga.compare(places).run.values.tolist() == ["seed1", "seed0"]
    named = ga.compare({"best": places[0], "other": places[1]})
    assert named.run.values.tolist() == ["best", "other"]
    with pytest.raises(ga.GenomeError, match="a run is given twice"):
        ga.compare([places[0], places[0]])
    with pytest.raises(ga.GenomeError, match="holds several runs; give each a name"):
        ga.compare({"all": tmp_path})


def test_compare__targets_have_their_own_scores(tmp_path):
    scores = {"a": [{"track": "x", "mse": 1.0}, {"track": "y", "mse": None}], "b": [{"mse": 3.0}]}
    write(tmp_path / "r", [1.0], scores=scores)
    found = ga.compare(tmp_path)
    assert (found.a_mse.item(), found.b_mse.item()) == (1, 3)


def test_compare__refuses_what_is_no_run(tmp_path):
    with pytest.raises(ga.StoreError, match="there is no run at"):
        ga.compare(tmp_path / "none")
    with pytest.raises(ga.GenomeError, match="there are no runs to compare"):
        ga.compare([])
    write(tmp_path / "r", [1.0])
    (tmp_path / "r" / "history.json").write_text("{")
    with pytest.raises(ga.GenomeError, match=r"history.json is no JSON"):
        ga.compare(tmp_path)
    (tmp_path / "r" / "history.json").write_text("[1]")
    with pytest.raises(ga.GenomeError, match="holds no lists of values per epoch"):
        ga.compare(tmp_path)
