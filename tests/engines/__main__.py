"""Run a command beside real engines.

`python -m tests.engines [--only postgres,redis,mongodb] [--durable] -- COMMAND…`
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.engines import ENGINES, EngineError, running
from tests.engines.base import say

# nohup ignores the hang-up for us; that is left as it is.
IGNORES_HANG_UP = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
SIGNALS = (signal.SIGINT, signal.SIGTERM) if IGNORES_HANG_UP else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str]) -> int:
    arguments = _parse(argv)
    _on_signal(_leave)
    try:
        return _run(arguments)
    except EngineError as error:
        say(str(error))
        return 1


def _run(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    with running(arguments.only, durable=arguments.durable) as settings:
        say(f"{', '.join(settings)} ready in {time.monotonic() - began:.1f} s")
        try:
            return _run_command(arguments.command, os.environ | settings)
        finally:
            # Nothing may cut the stopping of the servers short.
            _on_signal(signal.SIG_IGN)


def _run_command(command: list[str], environ: dict[str, str]) -> int:
    """The command's exit code, 128 + n when signal n ended it. What we are told to stop with reaches all of it."""
    # In a session of its own the command gets each signal once: from us, not from the terminal as well.
    try:
        process = subprocess.Popen(command, env=environ, start_new_session=True)
    except OSError as error:
        say(f"cannot run {command[0]}: {error.strerror}")
        return 127
    _on_signal(lambda number, _: _signal_group(process, number))
    code = process.wait()
    # What the command left running has lost its servers.
    _signal_group(process, signal.SIGTERM)
    return code if code >= 0 else 128 - code


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _on_signal(handler: Callable[[int, object], None] | signal.Handlers) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _leave(number: int, _: object) -> None:
    _on_signal(signal.SIG_IGN)
    raise SystemExit(128 + number)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description="Run a command beside real engines.")
    parser.add_argument(
        "--only", type=_names, default=list(ENGINES), metavar="NAMES", help=f"some of {','.join(ENGINES)} (all)"
    )
    parser.add_argument("--durable", action="store_true", help="PostgreSQL keeps every commit on disk: for benchmarks")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --, with its own arguments")
    return parser.parse_args(argv)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(ENGINES)}")
    return names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
