"""The tables of `docs/faults.md`, as the tests that check them read them."""

from pathlib import Path

from django.conf import settings

from simulators.faults import CALL, CALLBACK, FaultKind

CALL_FAULTS = {str(fault) for fault in CALL}
CALLBACK_FAULTS = {str(fault) for fault in CALLBACK}
FAULTS = {str(fault) for fault in FaultKind}

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "faults.md"


def cells(heading: str) -> list[tuple[str, str, str]]:
    """`(fault, column, what happens)` for every cell of the table below a `## heading`."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")
    ]
    columns, rows = table[0][1:], table[2:]
    return [(row[0], column, cell) for row in rows for column, cell in zip(columns, row[1:], strict=True)]


def rows(heading: str) -> list[tuple[str, ...]]:
    """For every row of that table the fault and what follows, but for the last column, which is prose."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"
    ]
    return [(row[0].split("`")[1], *row[1:-1]) for row in table]
