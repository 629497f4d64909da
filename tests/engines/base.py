"""One server process in a directory of its own, which goes away with us."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 10
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 3


def say(message: str) -> None:
    """One line for the person at the terminal; standard output belongs to the command."""
    sys.stderr.write(f"engines: {message}\n")
    sys.stderr.flush()


class EngineError(Exception):
    """A server cannot be had; the message says what to do about it."""


class Engine(ABC):
    """A server on a free port of 127.0.0.1. `stop` may be called at any time, also twice or after a failed start."""

    name: str
    stop_signal = signal.SIGTERM
    # The system user that the server runs as; None keeps ours.
    user: str | None = None

    def __init__(self) -> None:
        self.directory: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @staticmethod
    @abstractmethod
    def given(environ: Mapping[str, str]) -> dict[str, str] | None:
        """The settings of a server that the caller brought in `environ`, or None; EngineError if it does not answer."""

    @abstractmethod
    def start(self) -> dict[str, str]:
        """Start the server and return the environment variables that lead to it. Raises EngineError."""

    def stop(self) -> None:
        """Stop the server and remove its files. What it held is lost, so it is not asked to tidy up."""
        if self.process is not None:
            self._end(self.process)
            self.process = None
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def make_directory(self, parent: str | None = None) -> Path:
        """A directory that only the server's user may enter."""
        self.directory = Path(tempfile.mkdtemp(prefix=f"medoc-{self.name}-", dir=parent))
        if self.user is not None:
            shutil.chown(self.directory, self.user)
        return self.directory

    def launch(self, command: Callable[[int], list[str]], is_ready: Callable[[int, int], bool]) -> int:
        """Run `command(port)` until `is_ready(port, pid)`; returns the port.

        `is_ready` makes sure that the answer is this server's, because a free port may be taken by
        somebody else before the server listens; the server then ends, and another port is tried.
        """
        for _ in range(PORT_ATTEMPTS):
            port = _free_port()
            self.process = self._spawn(command(port))
            deadline = time.monotonic() + START_SECONDS
            while self.process.poll() is None and time.monotonic() < deadline:
                if is_ready(port, self.process.pid):
                    return port
                time.sleep(POLL_SECONDS)
            self._end(self.process)
        raise EngineError(f"{self.name} did not start. The end of its log:\n{self._log_tail()}")

    def run(self, command: list[str]) -> None:
        """Run a preparing program as the server's user. Raises EngineError with its output."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._popen_options())
        if done.returncode:
            raise EngineError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        # The kernel ends the server when we are killed. The signal comes with the end of the *thread* that
        # started it, so whoever starts servers from a pool of threads keeps the pool alive.
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", self.stop_signal.name.removeprefix("SIG"), "--", *command]
        with self._log_path.open("ab") as log:
            # In a session of its own, Ctrl-C reaches the command under test and not its servers.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._popen_options(),
            )

    def _popen_options(self) -> dict:
        # libpq's variables would bend what initdb and the server do.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        options = {"cwd": self.directory, "env": environ}
        if self.user is not None:
            options |= {"user": self.user, "group": _primary_group(self.user), "extra_groups": []}
        return options

    @property
    def _log_path(self) -> Path:
        return self.directory / "server.log"

    def _log_tail(self, lines: int = 15) -> str:
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _primary_group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid
