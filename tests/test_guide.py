"""docs/operations.md names every alarm that the code can raise, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from backoffice import duty_gaps
from backoffice.queues import QUEUES
from common import health, sweeping
from tests.deployment.container_files import PROJECT

GUIDE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
ALARMS = GUIDE[GUIDE.index("## What each alarm means") : GUIDE.index("## Mail")]
LEVELS = {"warning": "WARNING", "error": "ERROR", "exception": "ERROR", "critical": "CRITICAL"}
NOT_OURS = {"tests", "simulators", ".venv", "var", "demo"}


def table(heading: str) -> list[list[str]]:
    """The cells of the rows below the bold words."""
    below = ALARMS[ALARMS.index(f"**{heading}**") :].split("\n**")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"[`*]([^`*]+)[`*]", cell)


def logged() -> Iterator[tuple[str, str]]:
    """Message and level of every line of trouble that the code writes."""
    for path in Path(PROJECT).rglob("*.py"):
        if NOT_OURS & set(path.relative_to(PROJECT).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("logger", "log")
            ):
                message = node.args[0]
                assert isinstance(message, ast.Constant), f"{path}:{node.lineno}"
                yield str(message.value), LEVELS[node.func.attr]


def test_every_line_of_trouble_is_explained() -> None:
    assert {(named(row[0])[0], row[1]) for row in table("The log")} == set(logged())


def test_every_health_check_is_explained() -> None:
    assert sorted(named(row[0])[0] for row in table("Health")) == sorted(health._checks)


def test_every_queue_of_the_first_page_is_explained() -> None:
    explained = {name for row in table("The first page") for name in named(row[0])}

    assert {str(queue.title) for queue in (*QUEUES, duty_gaps.QUEUE)} <= explained


def test_all_due_work_is_explained() -> None:
    assert sorted(name for row in table("Due work") for name in named(row[0])) == sorted(sweeping._due)
