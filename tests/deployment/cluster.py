"""PostgreSQL as the container of compose.yaml makes it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.deployment.container_files import PROJECT
from tests.engines import Postgres
from tests.engines.postgres import find_programs

_PASSWORD_FILES = {
    "medoc_owner": "DATABASE_OWNER_PASSWORD_FILE",
    "medoc_app": "DATABASE_PASSWORD_FILE",
    "medoc_staff": "DATABASE_STAFF_PASSWORD_FILE",
}


class PostgresOfTheImage(Postgres):
    """A throw-away cluster whose roles are made by deploy/postgres-init.sh, as the container does it."""

    def __init__(self, secrets: Path) -> None:
        super().__init__()
        self.secrets = secrets
        # What its own programs need to connect as its administrator.
        self.administrator: dict[str, str] = {}

    def _create_roles(self, port: int, passwords: Mapping[str, str]) -> None:
        programs = find_programs()
        assert programs is not None
        self.administrator = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGPASSWORD": self._password,
        }
        files = {}
        for role, name in _PASSWORD_FILES.items():
            path = self.secrets / role
            path.write_text(passwords[role] + "\n")
            files[name] = str(path)
        subprocess.run(
            [PROJECT / "deploy" / "postgres-init.sh"],
            env=files | self.administrator | {"POSTGRES_USER": "postgres"},
            check=True,
        )
