"""The database settings: SQLite by default, PostgreSQL and MongoDB by URL.

Three ways to PostgreSQL, all percent-encoded: `postgres://user:password@host:port/name` (a server, or a proxy on this
machine), `postgres://user:password@%2Fvar%2Frun%2Fpostgresql/name` (a directory with the server's socket) and
`postgres://user:password@//cloudsql/project:region:instance/name` (the same as Cloud SQL mounts it). What follows `?`
goes to libpq (`sslmode=…`); `host=` there may name the directory, too.
"""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.env import env

# Limits of a web connection, in milliseconds; commands and migrations may take their time.
_WEB_LIMITS = {"statement_timeout": 15_000, "lock_timeout": 2_500, "idle_in_transaction_session_timeout": 10_000}
_COMMAND_LIMITS = {"lock_timeout": 10_000}
# MongoDB, also in milliseconds: a web request knows within two seconds that the catalogue is down, retries included.
_MONGODB_REACHED = {"serverSelectionTimeoutMS": 1500, "connectTimeoutMS": 1500}
_MONGODB_WEB_LIMITS = {"timeoutMS": 1800}
_MONGODB_COMMAND_LIMITS = {"socketTimeoutMS": 30_000}

# Set by config/wsgi.py.
WEB_PROCESS = "TOCTOCMEDOC_WEB"


def from_environment(data_dir: Path) -> dict[str, Any]:
    """DATABASES: `default` always; `catalog` where CATALOG_DATABASE_URL names a MongoDB."""
    url = env.str("DATABASE_URL", default="")
    password = env.str("DATABASE_PASSWORD", default="")
    owner_url = env.str("DATABASE_OWNER_URL", default="")
    if owner_url and _runs_as_owner():
        # It brings its own password; DATABASE_PASSWORD is the application's.
        url, password = owner_url, ""
    if not url:
        data_dir.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{data_dir.resolve() / 'db.sqlite3'}"
    default = parse(url)
    if password:
        default["PASSWORD"] = password
    engine = default["ENGINE"]
    if engine.endswith("sqlite3"):
        _sqlite(default)
    else:
        _postgresql(default)
    databases = {"default": default}
    catalog_url = env.str("CATALOG_DATABASE_URL", default="")
    if catalog_url:
        databases["catalog"] = mongodb(catalog_url)
    return databases


def application_role() -> str:
    """The role that migrations grant their rights to; empty where one role owns and runs everything."""
    owner, application = (
        parse(env.str(name, default="") or "sqlite://:memory:").get("USER", "")
        for name in ("DATABASE_OWNER_URL", "DATABASE_URL")
    )
    return application if owner and owner != application else ""


def staff_login() -> dict[str, str]:
    """USER and PASSWORD of the role that staff and workers cross merchants with; empty where none is named."""
    config = parse(env.str("DATABASE_STAFF_URL", default="") or "sqlite://:memory:")
    return {key: config[key] for key in ("USER", "PASSWORD")} if config.get("USER") else {}


def parse(url: str) -> dict[str, Any]:
    """Django's settings of the database that a URL names. Raises `ImproperlyConfigured`, without repeating the URL."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        config: dict[str, Any] = env.db_url_config(url)
        return config
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:/// (see .env.example).")
    try:
        return _parse_postgresql(url)
    except ValueError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read: percent-encode what stands in it (@ is %40, # is %23, $ is %24, / is %2F), "
            "or leave the password out and set DATABASE_PASSWORD to it as it is."
        ) from error


def _parse_postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    # Not `hostname`, which is in lower case: a directory is not.
    address = parts.netloc.rpartition("@")[2]
    host = address[1:].partition("]")[0] if address.startswith("[") else unquote(address.partition(":")[0])
    directory, _slash, name = parts.path.removeprefix("/").rpartition("/")
    if parts.fragment or not name or (directory and (host or not directory.startswith("/"))):
        raise ValueError
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(directory) or host,
        "PORT": query.pop("port", "") or parts.port or "",
        "OPTIONS": query,
    }


def _runs_as_owner() -> bool:
    return len(sys.argv) > 1 and sys.argv[1] in {
        "migrate",
        "sqlmigrate",
        "makemigrations",
        "showmigrations",
        "archive_events",
        "seed_load",
    }


def _sqlite(config: dict[str, Any]) -> None:
    config["OPTIONS"] = {
        # The only writer is known from the start of a transaction: no upgrade from reader to writer can fail.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Recursive triggers: a REPLACE then is a DELETE, which append-only tables refuse.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        "PRAGMA recursive_triggers=ON;",
    }
    # Tests run in several threads, which a database in memory does not survive.
    config["TEST"] = {"NAME": str(Path(config["NAME"]).with_name("test.sqlite3"))}


def _postgresql(config: dict[str, Any]) -> None:
    is_web = _is_web()
    limits = _WEB_LIMITS if is_web else _COMMAND_LIMITS
    options = config.setdefault("OPTIONS", {})
    options["options"] = " ".join(f"-c {name}={value}" for name, value in limits.items())
    options["application_name"] = "toctocmedoc-web" if is_web else "toctocmedoc"
    # One connection a thread, kept and health-checked: web processes are many and their threads few.
    config["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=600)
    config["CONN_HEALTH_CHECKS"] = True


def mongodb(url: str) -> dict[str, Any]:
    """The settings of a MongoDB. Raises ImproperlyConfigured."""
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise ImproperlyConfigured("CATALOG_DATABASE_URL must begin with mongodb:// or mongodb+srv:// (.env.example).")
    base, _, name = url.partition("?")[0].rpartition("/")
    return {
        "ENGINE": "catalog.mongodb",
        "HOST": url,
        "NAME": name if base.count("/") >= 2 and name else "toctocmedoc",
        "OPTIONS": {**_MONGODB_REACHED, **(_MONGODB_WEB_LIMITS if _is_web() else _MONGODB_COMMAND_LIMITS)},
    }


def _is_web() -> bool:
    return bool(os.environ.get(WEB_PROCESS))
