import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.store.marker import (
    check_current,
    commit_of,
    file_problem,
    files_of,
    read_checked,
    read_marker,
    unchanged,
)
from genoarrays.store.place import Folder
from tests.store.stores import flip, forget, replace, write


class Counted(Folder):
    """A folder that counts what is read of it."""

    def __init__(self, path):
        super().__init__(path)
        self.reads = []

    def read(self, key):
        self.reads.append(key)
        return super().read(key)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("store") / "a.zarr")


def test_commit_of__depends_on_everything_else(whole):
    marker = json.loads((whole / "genoarrays.json").read_text())
    assert commit_of(marker) == marker["commit"]
    assert commit_of({**marker, "commit": "other"}) == marker["commit"]
    for key in marker.keys() - {"commit"}:
        assert commit_of({**marker, key: None}) != marker["commit"]


@settings(max_examples=150)
@given(st.data())
def test_read_marker__finds_any_flipped_bit(whole, tmp_path_factory, data):
    content = (whole / "genoarrays.json").read_bytes()
    folder = tmp_path_factory.mktemp("marker")
    (folder / "genoarrays.json").write_bytes(content)
    flip(folder / "genoarrays.json", data.draw(st.integers(0, 8 * len(content) - 1)))
    with pytest.raises(ga.StoreError):
        read_marker(folder)


@pytest.mark.parametrize("content", ["[]", "1", "null", "{}", '"text"', '{"version": 2}'])
def test_read_marker__refuses_other_json(tmp_path, content):
    (tmp_path / "genoarrays.json").write_text(content)
    with pytest.raises(ga.StoreError, match="do not fit their digest; the store is damaged"):
        read_marker(tmp_path)


def test_read_marker__refuses_other_versions(tmp_path):
    file = tmp_path / "genoarrays.json"
    file.write_text('{"version": 1, "commit": "abc", "nodes": ["1bp"]}')
    with pytest.raises(ga.StoreError, match=r"in version 1 .* write it again with ga.to_zarr"):
        read_marker(tmp_path)
    file.write_text('{"version": 3}')
    with pytest.raises(ga.StoreError, match=r"in version 3 .* update genoarrays"):
        read_marker(tmp_path)


def test_a_marker__is_read_again_only_when_it_changed(tmp_path):
    forget()
    place = Counted(write(tmp_path / "a.zarr"))
    commit = read_marker(place)["commit"]
    for _ in range(5):
        check_current(place, commit)
        assert files_of(place, commit)["zarr.json"][0] > 0
    assert place.reads == ["genoarrays.json"] * 2
    replace(tmp_path / "a.zarr" / "genoarrays.json", place.read("genoarrays.json"))
    check_current(place, commit)  # the same marker in another file
    with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen it"):
        check_current(place, "other")
    write(tmp_path / "a.zarr", seed=1, overwrite=True)
    with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen it"):
        check_current(place, commit)
    with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen it"):
        files_of(place, commit)
    place.delete("")
    with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen it"):
        check_current(place, commit)


def test_unchanged__tells_the_reason_behind_other_errors(tmp_path):
    place = Folder(write(tmp_path / "a.zarr"))
    commit = read_marker(place)["commit"]
    with pytest.raises(KeyError), unchanged(place, commit):
        raise KeyError("x")

    def fail_after_replacement():
        write(tmp_path / "a.zarr", seed=1, overwrite=True)
        raise KeyError("x")

    with pytest.raises(ga.StoreError, match="was replaced"), unchanged(place, commit):
        fail_after_replacement()
    commit = read_marker(place)["commit"]
    with pytest.raises(ga.StoreError, match="was replaced"), unchanged(place, commit):
        write(tmp_path / "a.zarr", seed=2, overwrite=True)


def test_read_checked__gives_whole_files_only(tmp_path):
    path = write(tmp_path / "a.zarr")
    place = Folder(path)
    commit = read_marker(place)["commit"]
    key = "1bp/dna/zarr.json"
    content = read_checked(place, key, commit)
    assert content == (path / key).read_bytes()
    for damaged, problem in [
        (content[:-1], r"the file has [\d,]+ bytes, and had [\d,]+"),
        (content.replace(b"0", b"1", 1), "its bytes do not fit their checksum"),
        (None, "the file is missing"),
    ]:
        (path / key).unlink() if damaged is None else replace(path / key, damaged)
        with pytest.raises(ga.StoreError, match=rf"dna/zarr.json: {problem}.*ga.verify\("):
            read_checked(place, key, commit)
    (path / key).mkdir()
    with pytest.raises(ga.StoreError, match="the file cannot be read"):
        read_checked(place, key, commit)
    assert (
        file_problem(place, "plan.json", None)[0] == "the file is none of those that were written"
    )
