import json

import pyBigWig
import pytest

import genoarrays as ga
from genoarrays.cli import main


def test_demo__writes_everything_and_prints_a_table(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorflow")
    from genoarrays.demo import run as module

    whole = module.run
    monkeypatch.setattr(module, "run", lambda out, **options: whole(out, size=100_000, **options))
    main(["demo", "--out", str(tmp_path / "demo")])
    text = capsys.readouterr().out
    for part in ("ingest the files", "joint, order 3", "auPRC", "What to try next", "tracks.png"):
        assert part in text
    for name in ("files/reads.bam", "demo.zarr", "predicted.bw", "tracks.png", "sequence.png"):
        assert (tmp_path / "demo" / name).exists()
    with pyBigWig.open(str(tmp_path / "demo" / "predicted.bw")) as bw:
        assert bw.intervals("chr1") is None
        assert len(bw.intervals("chr4")) == bw.chroms("chr4") // 200
    marker = json.loads((tmp_path / "demo" / "demo.zarr" / "genoarrays.json").read_text())
    assert marker["nodes"] == ["1bp", "50bp"]
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", str(tmp_path / "demo")])
    assert ended.value.code == 2
    assert "already there" in capsys.readouterr().err


def test_balanced__keeps_all_bound_windows_and_twice_as_many_others(tmp_path):
    from genoarrays.demo.run import balanced, ingest
    from genoarrays.demo.simulate import simulate

    files = simulate(tmp_path, size=100_000)
    ingest(files, tmp_path / "a.zarr", overwrite=False, progress=False)
    tree = ga.open_datatree(tmp_path / "a.zarr")
    tiles = ga.tile_regions(tree["1bp"], width=200, partial="drop")
    kept = balanced(tree, tiles, seed=0)
    bound = ga.windows(tree, kept, 200, reduce={"bound": "max"}).bound.values
    everywhere = ga.windows(tree, tiles, 200, reduce={"bound": "max"}).bound.values
    assert bound.sum() == everywhere.sum() > 0
    assert len(bound) == 3 * bound.sum()
    assert kept.identical(balanced(tree, tiles, seed=0))
