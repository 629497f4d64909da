"""The Dockerfile and its .dockerignore, read as the builder reads them: no daemon is needed to try what they say."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order: `("RUN", "pip install …")`, continued lines joined."""
    lines = [line for line in (PROJECT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def all_of(name: str) -> list[str]:
    """The arguments of every instruction of that name."""
    return [rest for instruction, rest in instructions() if instruction == name]


def environment() -> dict[str, str]:
    """What ENV gives to every process of the image."""
    pairs = (pair for rest in all_of("ENV") for pair in rest.split())
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def command() -> list[str]:
    """The arguments of CMD."""
    argv: list[str] = json.loads(all_of("CMD")[-1])
    return argv


def health_command() -> list[str]:
    """The arguments of HEALTHCHECK's command."""
    argv: list[str] = json.loads(all_of("HEALTHCHECK")[-1].partition("CMD ")[2])
    return argv


def copy_context(target: Path) -> None:
    """Copy into `target` what `COPY . ./` copies into the image."""
    for path in _context():
        destination = target / path
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / path, destination)


def _context() -> Iterator[Path]:
    ignored = [_pattern(line) for line in (PROJECT / ".dockerignore").read_text().splitlines() if _is_pattern(line)]
    for folder, names, files in os.walk(PROJECT):
        here = Path(folder).relative_to(PROJECT)
        names[:] = [name for name in names if not any(rule.fullmatch(str(here / name)) for rule in ignored)]
        yield from (here / name for name in files if not any(rule.fullmatch(str(here / name)) for rule in ignored))


def _is_pattern(line: str) -> bool:
    return bool(line) and not line.startswith("#")


def _pattern(line: str) -> re.Pattern[str]:
    """`**/` stands for any number of folders, `*` for anything within one name."""
    escaped = re.escape(line).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(escaped)
