"""The backup of docs/operations.md, made of a busy database and brought back into an empty cluster by its commands."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.deployment.cluster import PostgresOfTheImage
from tests.deployment.container_files import PROJECT
from tests.deployment.processes import process_environment

GUIDE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
BACKUPS = GUIDE[GUIDE.index("## Backups") :]
IN_POSTGRES = "docker compose exec -T postgres "
IN_WEB = "docker compose exec -T web "
OWNER, APPLICATION, STAFF = "medoc_owner", "medoc_app", "medoc_staff"


def commands(container: str) -> list[str]:
    """What the guide runs in that container, in its order, as its shell sees it."""
    return [line.removeprefix(container) for line in BACKUPS.splitlines() if line.startswith(container)]


def run(*command: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A program of ours with these settings and none of the suite's."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=process_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def manage(*arguments: str, settings: Mapping[str, str]) -> str:
    done = run("manage.py", *arguments, settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Site:
    """A cluster, the settings that lead to it, and the environment of its administrator's programs."""

    settings: dict[str, str]
    administrator: dict[str, str]

    def shell(self, command: str, folder: Path) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env=self.administrator,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    def rows(self) -> dict[str, int]:
        """How many rows each table has, for the administrator, from whom no policy hides any."""
        with self.connect() as administrator:
            tables = administrator.execute(
                "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall()
            return {name: administrator.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in tables}

    def rights(self) -> list[tuple[object, ...]]:
        """Owner, rights, policies and triggers of every table."""
        with self.connect() as administrator:
            return administrator.execute(
                """
                SELECT c.relname, pg_get_userbyid(c.relowner), c.relacl::text[],
                    c.relrowsecurity, c.relforcerowsecurity,
                    (SELECT array_agg(t.tgname || ' ' || t.tgenabled::text ORDER BY t.tgname)
                     FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
                    (SELECT array_agg(p.polname || ' ' || pg_get_expr(p.polqual, p.polrelid) ORDER BY p.polname)
                     FROM pg_policy p WHERE p.polrelid = c.oid)
                FROM pg_class c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v')
                    -- Of an extension, which creating it anew gives its owner.
                    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
                ORDER BY 1
                """
            ).fetchall()

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.administrator["PGPORT"],
            user="postgres",
            password=self.administrator["PGPASSWORD"],
            dbname="medoc",
            autocommit=True,
        )


def start(folder: Path, keys: Mapping[str, str]) -> tuple[PostgresOfTheImage, Site]:
    folder.mkdir()
    cluster = PostgresOfTheImage(folder)
    urls = cluster.start()
    names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_STAFF_URL")
    settings = {name: urls[name] for name in names} | keys | {"DATA_DIR": str(folder / "data")}
    return cluster, Site(settings, cluster.administrator)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A busy site, and one that was brought back from its backup."""
    folder = tmp_path_factory.mktemp("restore")
    keys = {
        "DEBUG": "1",
        "MFA_REQUIRED": "true",
        "AUDIT_KEY": "a key of the test of backups, long enough",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    clusters = []
    try:
        cluster, busy = start(folder / "busy", keys)
        clusters.append(cluster)
        manage("migrate", "--verbosity", "0", settings=busy.settings)
        filled = run("-m", "tests.deployment.busy", "fill", settings=busy.settings)
        assert filled.returncode == 0, filled.stderr
        manage("seal_audit", settings=busy.settings)

        dump, *restore = commands(IN_POSTGRES)
        busy.shell(dump, folder)
        [made] = folder.glob("medoc-*.dump")
        cluster, restored = start(folder / "restored", keys)
        clusters.append(cluster)
        for command in restore:
            restored.shell(re.sub(r"medoc-\d{4}-\d\d-\d\d\.dump", shlex.quote(str(made)), command), folder)
        yield SimpleNamespace(busy=busy, restored=restored, staff=json.loads(filled.stdout), folder=folder)
    finally:
        for cluster in clusters:
            cluster.stop()


def test_the_guide_dumps_restores_and_analyses() -> None:
    assert [command.split()[0] for command in commands(IN_POSTGRES)] == ["pg_dump", "pg_restore", "vacuumdb"]


def test_every_row_is_there_with_its_owner_rights_policies_and_triggers(sites: SimpleNamespace) -> None:
    rows = sites.busy.rows()

    assert sites.restored.rows() == rows
    assert min(rows[name] for name in ("payments_payment", "accounts_creditentry", "audit_event", "audit_seal")) > 0
    rights = sites.restored.rights()
    assert rights == sites.busy.rights()
    assert {owner for _name, owner, *_rest in rights} == {OWNER}
    assert sum(forced for _name, _owner, _acl, _enabled, forced, *_rest in rights) > 5


def test_no_migration_is_missing_and_books_and_log_verify(sites: SimpleNamespace) -> None:
    settings = sites.restored.settings

    manage("migrate", "--check", settings=settings)
    assert "accounts add up" in manage("verify_ledger", settings=settings)
    assert "all genuine" in manage("verify_audit", settings=settings)


def test_the_keys_are_part_of_the_backup(sites: SimpleNamespace) -> None:
    other = sites.restored.settings | {"AUDIT_KEY": "another key, as long as the one that is lost"}

    assert run("manage.py", "verify_audit", settings=other).returncode == 1


@pytest.mark.parametrize("table", ["audit_event", "accounts_creditentry", "audit_seal"])
def test_what_is_append_only_stays_so(sites: SimpleNamespace, table: str) -> None:
    statements = (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE")

    for role in ("DATABASE_URL", "DATABASE_STAFF_URL"):
        with psycopg.connect(sites.restored.settings[role], autocommit=True) as application:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    application.execute(statement)
    with psycopg.connect(sites.restored.settings["DATABASE_OWNER_URL"], autocommit=True) as owner:
        for statement in statements:
            with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                owner.execute(statement)


def test_merchants_stay_apart(sites: SimpleNamespace) -> None:
    with sites.restored.connect() as administrator:
        (everything,) = administrator.execute("SELECT count(*) FROM marketplaces_item").fetchone()
        assert everything > 1
    with psycopg.connect(sites.restored.settings["DATABASE_URL"]) as application:
        assert application.execute("SELECT count(*) FROM marketplaces_item").fetchone() == (0,)
    with psycopg.connect(sites.restored.settings["DATABASE_STAFF_URL"]) as staff:
        assert staff.execute("SELECT count(*) FROM marketplaces_item").fetchone() == (everything,)


def test_people_sign_in_with_password_and_code_and_the_log_goes_on(sites: SimpleNamespace) -> None:
    before = sites.restored.rows()["audit_event"]

    answer = run(
        "-m",
        "tests.deployment.busy",
        "sign-in",
        sites.staff["email"],
        sites.staff["secret"],
        settings=sites.restored.settings,
    )

    assert json.loads(answer.stdout) == {"status": 200, "role": "staff"}, answer.stderr
    assert sites.restored.rows()["audit_event"] > before
    assert "all genuine" in manage("verify_audit", settings=sites.restored.settings)


def test_pictures_go_with_it(sites: SimpleNamespace) -> None:
    backup, bring_back = commands(IN_WEB)
    old, new = sites.folder / "old", sites.folder / "new"
    (old / "media" / "merchant").mkdir(parents=True)
    new.mkdir()
    (old / "media" / "merchant" / "crème.webp").write_bytes(b"picture")

    sites.busy.shell(backup.replace("--directory /data", f"--directory {old}"), sites.folder)
    [made] = sites.folder.glob("media-*.tar.gz")
    command = re.sub(r"media-\d{4}-\d\d-\d\d\.tar\.gz", shlex.quote(str(made)), bring_back)
    sites.restored.shell(command.replace("--directory /data", f"--directory {new}"), sites.folder)

    assert (new / "media" / "merchant" / "crème.webp").read_bytes() == b"picture"
