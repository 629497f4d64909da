"""`manage.py check --deploy` in a fresh process."""

import subprocess
import sys
from collections.abc import Mapping
from types import SimpleNamespace

from tests.deployment.processes import process_environment


def check_deploy(image: SimpleNamespace, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=image.app,
        env=process_environment({"DATA_DIR": str(image.data), **settings}),
        capture_output=True,
        text=True,
        check=False,
    )


def assert_clean(result: subprocess.CompletedProcess[str]) -> None:
    assert result.stderr == ""
    assert result.stdout == "System check identified no issues (0 silenced).\n"
    assert result.returncode == 0
