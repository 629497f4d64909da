"""CSV that staff hand in: what a file says, and what came of each line."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from common.errors import Invalid

# Bytes; some 25,000 lines.
LARGEST = 1024 * 1024

# A line's number and its cells, by the column's name in lower case.
Line = tuple[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was left out, and why, in the reader's language."""

    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did, or would do: a sentence for each change, and every line that was refused."""

    changes: list[str] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.refused.append(Refused(line, reason))


def decode(raw: bytes) -> str:
    """The text of a file as spreadsheets write it. Raises `Invalid` where it is too large."""
    if len(raw) > LARGEST:
        raise Invalid(_("Le fichier dépasse %(size)s Mo.") % {"size": LARGEST // 1024**2}, code="file_too_large")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\x00", "")


def read(text: str, *, required: tuple[str, ...]) -> Iterator[Line]:
    """Its lines, whatever the delimiter; the apostrophe of `common.csv.neutral` is taken off again.

    Raises `Invalid` where a column that is required is missing, or the text is no CSV.
    """
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if missing := [name for name in required if name not in header]:
            raise Invalid(_("Colonnes manquantes : %(names)s.") % {"names": ", ".join(missing)}, code="columns_missing")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, {n: c.strip().removeprefix("'") for n, c in zip(header, cells, strict=False)}
    except csv.Error as error:
        raise Invalid(_("Ce fichier n'est pas un CSV lisible."), code="file_unreadable") from error
