"""CSV for people who open it in a spreadsheet."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

# Where a spreadsheet would begin a formula (full-width signs included), and the apostrophe there if there is one. At
# the very beginning of a text tabs and ends of lines count, too: they are dropped before anybody looks. Further on it
# is what follows a semicolon, a tab or the end of a line: a spreadsheet that splits there, as a French one does, knows
# nothing of our quotes.
_FORMULA = re.compile(r"""(?:\A(?=['" ]*[\t\r\n=+\-@＝＋－＠])|(?<=[;\t\r\n])(?=['" ]*[=+\-@＝＋－＠]))'?""")


def neutral(text: str) -> str:
    """The text, with an apostrophe wherever a spreadsheet would begin to compute. Numbers do not come through here.

    What reads as if it had been neutralised before gets another one, so that `plain` undoes exactly this.
    """
    return _FORMULA.sub(r"'\g<0>", text)


def plain(text: str) -> str:
    """The text that `neutral` was given."""
    return _FORMULA.sub("", text)


class _Echo:
    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Each row as a line of CSV (RFC 4180) the moment it comes; texts neutralised, numbers as they are."""
    writer: Any = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
