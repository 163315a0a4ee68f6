from pathlib import Path

import pytest
from hypothesis import settings

# machines that run tests are shared: time tells nothing about the code
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real genomes and tracks, kept beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real data in {SHARED}")
    return SHARED
