"""What several benchmarks run: gunicorn as in production, and pgbench beside it on the same database."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings

from config.databases import WEB_PROCESS

SCRIPTS = Path(__file__).parent / "scripts"
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
CONNECTIONS = 16
ROUNDS = 3
_SECRETS = ("SECRET_KEY", "JWT_SIGNING_KEY", "AUDIT_KEY", "AUDIT_SEAL_KEY", "PAYMENTS_CALLBACK_TOKEN")


@contextlib.contextmanager
def gunicorn(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = f"-m gunicorn config.wsgi --workers 2 --bind 127.0.0.1:{port} --log-level warning --keep-alive 30"
    with Path(folder, "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command.split()],
            stdout=log,
            stderr=log,
            env=os.environ | _production(folder),
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(200):
                with contextlib.suppress(requests.RequestException):
                    requests.get(f"{url}/health", timeout=2)
                    break
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)


def _production(folder: Path) -> dict[str, str]:
    """DEBUG off: with it Django keeps every statement it sends. The keys are those that signed the tokens."""
    return {
        WEB_PROCESS: "1",
        "DEBUG": "0",
        "LOG_LEVEL": "WARNING",
        "PUBLIC_URL": "https://bench.invalid",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "0",
        "STATIC_ROOT": str(folder),
        "MYPAYGA_API_KEY": settings.MYPAYGA_API_KEY,
        "MYPAYGA_CALLBACK_SECRET": settings.MYPAYGA_CALLBACK_SECRET,
        "SINGPAY_CLIENT_ID": settings.SINGPAY_CLIENT_ID,
        "SINGPAY_CLIENT_SECRET": settings.SINGPAY_CLIENT_SECRET,
        "SINGPAY_WALLET": settings.SINGPAY_WALLET,
        "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
    } | {name: getattr(settings, name) for name in _SECRETS}


def pgbench(script: str, variables: Mapping[str, int]) -> float:
    """Transactions per second with 16 connections, as the application's role, over the protocol that the site uses."""
    url = urlsplit(os.environ["DATABASE_URL"])
    done = subprocess.run(
        ["pgbench", "-n", "-c", str(CONNECTIONS), "-j", "2", "-T", str(SECONDS)]
        + [argument for name, value in variables.items() for argument in ("-D", f"{name}={value}")]
        + ["-f", str(SCRIPTS / script)]
        + ["-h", str(url.hostname), "-p", str(url.port), "-U", str(url.username), url.path.lstrip("/")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGPASSWORD": settings.DATABASES["default"].get("PASSWORD", "")},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
