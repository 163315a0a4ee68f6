import os

import pytest

from genoarrays.errors import GenomeError
from genoarrays.formats.targets import Targets


def write(targets, texts):
    for part, text in zip(targets.parts, texts, strict=True):
        with open(part, "w") as file:
            file.write(text)


def content(folder):
    return {one.name: one.read_text() for one in folder.iterdir()}


def test_targets__appear_when_all_are_complete(tmp_path):
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    with Targets(paths, overwrite=False) as targets:
        write(targets, ["1", "2"])
        assert not any(os.path.exists(path) for path in paths)
    assert content(tmp_path) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_targets__do_not_appear_after_an_error(tmp_path, error):
    (tmp_path / "a").write_text("old")
    targets = Targets([str(tmp_path / "a")], overwrite=True)
    write(targets, ["new"])
    with pytest.raises(error), targets:
        raise error
    assert content(tmp_path) == {"a": "old"}


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("fails", ["a", "b", "c"])
def test_targets__give_back_their_names_when_one_cannot_have_its(
    tmp_path, monkeypatch, fails, linked
):
    (tmp_path / "a").write_text("old")
    (tmp_path / "c").write_text("older")
    before = content(tmp_path)
    replace = os.replace

    def refuse(source, target):
        if source.endswith(".part") and target == str(tmp_path / fails):
            raise PermissionError(13, "no")
        replace(source, target)

    def no_links(*_):
        raise OSError(95, "no links here")

    monkeypatch.setattr(os, "replace", refuse)
    if not linked:
        monkeypatch.setattr(os, "link", no_links)
    paths = [str(tmp_path / name) for name in "abc"]
    with (
        pytest.raises(GenomeError, match=rf"cannot write .*{fails} \(no\)"),
        Targets(paths, overwrite=True) as targets,
    ):
        write(targets, "123")
    assert content(tmp_path) == before
    monkeypatch.setattr(os, "replace", replace)
    with Targets(paths, overwrite=True) as targets:
        write(targets, "123")
    assert content(tmp_path) == {"a": "1", "b": "2", "c": "3"}


def test_targets__are_checked_before_anything_is_written(tmp_path):
    (tmp_path / "there").write_text("old")
    (tmp_path / "folder").mkdir()
    for name, why in {
        "there": "exists already",
        "none/x": "there is no folder",
        "folder": "it is a folder",
    }.items():
        with pytest.raises(GenomeError, match=why):
            Targets([str(tmp_path / "new"), str(tmp_path / name)], overwrite=name != "there")
    assert not (tmp_path / "new").exists()
