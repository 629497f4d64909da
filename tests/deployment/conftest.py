import re
from types import SimpleNamespace

import pytest

from tests.deployment import container_files


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The image's file system below a temporary folder: /app as copied, /data empty, ENV pointing at both."""
    root = tmp_path_factory.mktemp("image")
    app, data = root / "app", root / "data"
    container_files.copy_context(app)
    data.mkdir()
    moved = {"/app": str(app), "/data": str(data)}
    environment = {
        name: re.sub(r"^/(app|data)\b", lambda found: moved[found[0]], value)
        for name, value in container_files.environment().items()
    }
    return SimpleNamespace(root=root, app=app, data=data, environment=environment)
