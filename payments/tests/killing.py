"""Kills a web process with SIGKILL in the middle of a request, at a named function."""

import json
import os
import signal
import subprocess
import sys
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from accounts.tests.factories import make_session

# Where the outside services are in this test.
_ADDRESSES = ("MYPAYGA_URL", "SINGPAY_URL", "EPG_URL")


def kill_at(where: str, user: Any, path: str, body: dict[str, Any]) -> None:
    """POST `body` to `path` as `user` in a process of its own, under the key `once`, and kill it as it calls `where`
    (`MODULE.FUNCTION`)."""
    database = connection.settings_dict
    owner, password = quote(database["USER"]), quote(database["PASSWORD"] or "")
    host = quote(database["HOST"], safe="")
    environment = {
        **os.environ,
        "DEBUG": "1",
        "DATABASE_URL": f"postgres://{owner}:{password}@{host}:{database['PORT']}/{quote(database['NAME'])}",
        **{name: getattr(settings, name) for name in _ADDRESSES},
    }
    token = make_session(user).access_token
    process = subprocess.Popen(
        [sys.executable, "-m", "payments.tests.web_process", where, token, path, json.dumps(body)],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "standing still\n", process.stderr.read()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
