"""The site under gunicorn on the test's own database, and schemathesis asking it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from accounts.tests.factories import PASSWORD
from backoffice.demo.processes import Processes
from tests.deployment.processes import free_port

# What an answer must be, whatever was asked.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
)
SEED = 20_260_101
# A walk asks more often than anybody should.
_LIMITS = (
    "RATE_LIMIT_PER_MINUTE",
    "EPG_ANONYMOUS_PER_MINUTE",
    "PAYMENT_PROMPTS_PER_PHONE",
    "PAYMENT_PROMPTS_PER_USER",
)

_CONFIGURATION = """
continue-on-failure = true
warnings = false

[checks.not_a_server_error]
# 503 is planned where it is documented; status_code_conformance objects to it everywhere else.
expected-statuses = ["1xx", "2xx", "3xx", "4xx", "503"]

[auth]
# The people are ours: who signs up waits for a mail.
auto-signup = false
"""
_SIGN_IN = """
[auth.wfc]
path = "people.json"
user = "{name}"
refresh_interval = 60
"""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of the whole site, served by two processes from the database of the running test."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", _database_url())
        patch.setenv("PORT", str(port))
        patch.setenv("MYPAYGA_URL", settings.MYPAYGA_URL)
        patch.setenv("LOG_LEVEL", "WARNING")
        for limit in _LIMITS:
            patch.setenv(limit, "0")
        processes = Processes(folder)
        try:
            command = "-m gunicorn config.wsgi --workers 2 --worker-class gthread --threads 4 --log-level warning"
            processes.start("site", *command.split(), "--bind", f"127.0.0.1:{port}")
            processes.wait_for("site", f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            processes.stop()


def ask(
    url: str, folder: Path, *, known: Mapping[str, Any], people: Sequence[User], seconds: int
) -> "subprocess.Popen[str]":
    """Start schemathesis signed in as the first of `people` (as nobody without any), for so many seconds.

    With several, the others must not get what is the first one's.
    """
    folder.mkdir()
    configuration, checks = _CONFIGURATION, list(CHECKS)
    if people:
        names = [person.email for person in people]
        configuration += _SIGN_IN.format(name=names[0])
        (folder / "people.json").write_text(json.dumps({"auth": [_sign_in(person) for person in people]}))
        if len(people) > 1:
            configuration += f"peers = {json.dumps(names)}\n"
            checks.append("object_level_authorization")
    (folder / "schemathesis.toml").write_text(configuration)
    command = (
        *("--config-file", "schemathesis.toml", "run", f"{url}/openapi.json", "--url", url, "--no-color"),
        *("--checks", ",".join(checks), "--seed", str(SEED), "--generation-database", "none"),
        *("--max-time", str(seconds), "--workers", "1"),
    )
    environment = {
        "CONTRACT_KNOWN": json.dumps(known),
        "SCHEMATHESIS_HOOKS": "tests.contract.extensions",
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "schemathesis.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=os.environ | environment,
    )


def _sign_in(person: User) -> dict[str, Any]:
    """As an app signs in; schemathesis does so again when a session has ended."""
    return {
        "name": person.email,
        "loginEndpointAuth": {
            "verb": "POST",
            "endpoint": "/api/v1/auth/login/",
            "contentType": "application/json",
            "payloadUserPwd": {
                "usernameField": "email",
                "username": person.email,
                "passwordField": "password",
                "password": PASSWORD,
            },
            "token": {
                "extractFrom": "body",
                "extractSelector": "/access_token",
                "sendIn": "header",
                "sendName": "Authorization",
                "sendTemplate": "Bearer {token}",
            },
        },
    }


def _database_url() -> str:
    now = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{now['NAME']}"
    return f"postgres://{now['USER']}:{quote(now['PASSWORD'])}@{now['HOST']}:{now['PORT']}/{now['NAME']}"
