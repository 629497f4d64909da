import os
from pathlib import Path

import pytest
from django.conf import settings

from catalog import vocabulary


@pytest.fixture(autouse=True)
def _no_vocabulary_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins like a new process."""
    monkeypatch.setattr(vocabulary, "_held", None)


@pytest.fixture
def shared_data() -> Path:
    """The folder with the real data. Where it exists, whatever a test misses in it is a failure."""
    given = os.environ.get("SHARED_DATA")
    folder = Path(given) if given else settings.BASE_DIR.parent / "shared" / "data"
    if not given and not folder.parent.is_dir():
        pytest.skip(f"NOT TESTED ON REAL DATA: {folder} does not exist; SHARED_DATA=… names it elsewhere")
    return folder
