"""CSV for people who open it in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

# What spreadsheets take for the beginning of a formula, full-width forms included.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def neutral(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would compute it. Numbers do not come through here.

    One that reads as if it had been neutralised before gets another one, so that `plain` undoes exactly this.
    """
    return f"'{text}" if text.lstrip("' ").startswith(_FORMULA) else text


def plain(text: str) -> str:
    """The text that `neutral` was given."""
    return text[1:] if text.startswith("'") and neutral(text[1:]) == text else text


class _Echo:
    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Each row as a line of CSV (RFC 4180) the moment it comes; texts neutralised, numbers as they are."""
    writer: Any = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
