import shutil

import pytest

from genoarrays.store import stored
from tests.store.stores import PIPELINES, forget, write


@pytest.fixture(params=["zarr", "zarrs"])
def pipeline(request, monkeypatch):
    """Both readers, each as a new process."""
    if request.param == "zarrs":
        pytest.importorskip("zarrs", reason="needs the zarrs reader")
    monkeypatch.setattr(stored, "reading_pipeline", lambda: PIPELINES[request.param])
    forget()
    yield request.param
    forget()


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return write(tmp_path_factory.mktemp("store") / "a.zarr")


@pytest.fixture
def path(tmp_path, original):
    """A store of its own for each test; copied, since writing waits for the disk."""
    return shutil.copytree(original, tmp_path / "a.zarr")
