"""CSV files as spreadsheets write them: in one of two encodings, with one of three separators."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from common.errors import Invalid


def read_csv_file(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The names of the columns; line numbers and cells by column, of lines that are not empty.

    Raises `Invalid`, also while lines are read, where cells cannot be told apart. A quote that is not closed makes one
    cell of all that follows up to the next quote: no cell has a line break, so that no line is lost in another.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    rows = _rows(text.replace("\x00", ""), path.name)
    _line, header = next(rows, (0, []))
    return header, ((line, dict(zip(header, cells, strict=False))) for line, cells in rows if any(cells))


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise _unreadable(name, line)
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(name, line) from error


def _unreadable(name: str, line: int) -> Invalid:
    return Invalid(
        f"{name}:{line} has a quote that is not closed, or a line break in a cell: nothing was read.",
        code="file_unreadable",
    )
