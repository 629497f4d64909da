"""The processes of a whole site on one machine, for the demo: started together, stopped together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import requests

READY_SECONDS = 60
STOP_SECONDS = 8


class NotStarted(Exception):
    """A process did not come up; the message says which, and shows the end of its log."""


class Processes:
    def __init__(self, log_dir: Path) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir = log_dir
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start `python COMMAND…` with its output in `<log_dir>/<name>.log`, out of reach of the terminal's Ctrl-C."""
        log = (self._log_dir / f"{name}.log").open("wb")
        process = subprocess.Popen(  # noqa: S603  (our own commands)
            [sys.executable, *command], stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=os.environ
        )
        self._running[name] = (process, log)

    def wait_for(self, name: str, url: str) -> None:
        """Return once `url` answers. Raises `NotStarted` when the process ends or stays silent."""
        process, _log = self._running[name]
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise NotStarted(self._explain(name, "s'est arrêté"))
            with contextlib.suppress(requests.RequestException):
                requests.get(url, timeout=2)
                return
            time.sleep(0.05)
        raise NotStarted(self._explain(name, "ne répond pas"))

    def wait(self) -> None:
        """Block until one of the processes ends, which none should."""
        while True:
            for name, (process, _log) in self._running.items():
                if process.poll() is not None:
                    raise NotStarted(self._explain(name, "s'est arrêté"))
            time.sleep(0.5)

    def stop(self) -> None:
        """Ask every process to stop, then insist."""
        for process, _log in self._running.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process, log in self._running.values():
            try:
                process.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
            log.close()
        self._running.clear()

    def _explain(self, name: str, what: str) -> str:
        path = self._log_dir / f"{name}.log"
        end = path.read_text(errors="replace").strip().splitlines()[-15:]
        return "\n".join([f"« {name} » {what}. Fin de {path} :", *end])


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def require_free_port(port: int, setting: str) -> None:
    """Raises `NotStarted` with what to do when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NotStarted(
                f"Le port {port} est occupé. Choisissez-en un autre, par exemple : make run {setting}={port + 1}"
            ) from error


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into KeyboardInterrupt, so that one `finally` stops everything."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
