"""Run a command beside real engines.

`python -m tests.engines [--only postgres,redis,mongodb] [--durable] -- COMMAND…`
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from tests.engines import ENGINES, EngineError, running

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str]) -> int:
    arguments = _parse(argv)
    for number in SIGNALS:
        signal.signal(number, _leave)
    try:
        return _run(arguments)
    except EngineError as error:
        print(f"engines: {error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    with running(arguments.only, durable=arguments.durable) as settings:
        print(f"engines: {', '.join(settings)} ready in {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        try:
            return _run_command(arguments.command, os.environ | settings)
        finally:
            # Nothing may cut the stopping of the servers short.
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)


def _run_command(command: list[str], environ: dict[str, str]) -> int:
    """The command's exit code, 128 + n when signal n ended it. What we are told to stop with reaches all of it."""
    # In a session of its own the command gets each signal once: from us, not from the terminal as well.
    try:
        process = subprocess.Popen(command, env=environ, start_new_session=True)
    except OSError as error:
        print(f"engines: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    for number in SIGNALS:
        signal.signal(number, lambda received, _: _signal_group(process, received))
    code = process.wait()
    # What the command left running has lost its servers.
    _signal_group(process, signal.SIGTERM)
    return code if code >= 0 else 128 - code


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _leave(number: int, _: object) -> None:
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
