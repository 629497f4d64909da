"""CSV and XLSX as spreadsheets write them. A file is a stranger's: its size, its shape and its content are bounded."""

import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from typing import IO, Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from common import csv as neutral_csv
from common.errors import Invalid
from common.exchange.reports import Line

CSV, XLSX = "csv", "xlsx"
FORMATS = {CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MEMBERS = 500
# What a workbook may grow to, as a multiple of the largest file: a thousandfold one is a bomb.
_GROWTH = 20
# What any workbook may grow to: a sheet's strings are held in memory, and a small file is read while somebody waits.
_SMALL = 16 * 1024**2
_COLUMNS = 60
_LONGEST_CELL = 10_000
# Not even quoted may these stand in a workbook's XML.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def read(raw: bytes, *, required: Sequence[str], known: Sequence[str]) -> list[Line]:
    """The lines of a CSV file or of the first sheet of a workbook, cells by column name in lower case, as texts.

    The apostrophe that `common.csv.neutral` has put before a formula is taken off again. Raises `Invalid` with a
    sentence for the reader: too large, not readable, macros, columns missing or unknown, too many lines.
    """
    require_harmless(raw)
    rows = _xlsx_rows(raw) if raw.startswith(_ZIP) else _csv_rows(_decoded(raw))
    with closing(rows):
        return list(_lines(rows, required, known))


def require_harmless(raw: bytes) -> None:
    """Raise `Invalid` for what need not be read to be refused: before anything of an archive is unpacked."""
    if len(raw) > settings.IMPORT_MAX_BYTES:
        megabytes = settings.IMPORT_MAX_BYTES // 1024**2
        raise Invalid(_("Le fichier dépasse %(size)d Mo.") % {"size": megabytes}, code="file_too_large")
    if raw.startswith(_OLE):
        raise _unreadable(_("C'est un ancien classeur (.xls) : enregistrez-le au format .xlsx."))
    if raw.startswith(_ZIP):
        _require_harmless_archive(raw)


def write(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file in the format `name`, texts neutralised, in pieces."""
    return _written_csv(columns, rows) if name == CSV else _written_xlsx(columns, rows)


def _lines(rows: Iterator[tuple[int, list[str]]], required: Sequence[str], known: Sequence[str]) -> Iterator[Line]:
    header = [name.strip().lower() for name in next(rows, (0, []))[1]]
    while header and not header[-1]:
        header.pop()
    if missing := [name for name in required if name not in header]:
        raise Invalid(_("Colonnes manquantes : %(names)s.") % {"names": ", ".join(missing)}, code="columns_missing")
    if unknown := [name for name in header if name not in known]:
        names = ", ".join(name[:40] or "–" for name in unknown[:5])
        raise Invalid(_("Colonnes inconnues : %(names)s.") % {"names": names}, code="columns_unknown")
    if len(set(header)) < len(header):
        raise Invalid(_("Une colonne s'y trouve deux fois."), code="columns_unknown")
    found = 0
    for number, cells in rows:
        texts = [cell.strip() for cell in cells]
        if not any(texts):
            continue
        found += 1
        if found > settings.IMPORT_MAX_ROWS:
            raise _too_many()
        if any(len(text) > _LONGEST_CELL for text in texts) or any(texts[len(header) :]):
            raise _unreadable(_("La ligne %(line)d n'a pas la forme des autres.") % {"line": number})
        yield number, {name: neutral_csv.plain(text) for name, text in zip(header, texts, strict=False)}


def _csv_rows(text: str) -> Generator[tuple[int, list[str]], None, None]:
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if len(cells) > _COLUMNS:
                raise _too_wide()
            yield reader.line_num, cells
    except csv.Error as error:
        raise _unreadable(_("Ce fichier n'est pas un CSV lisible.")) from error


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError as error:
            raise _unreadable(_("Encodage inconnu : enregistrez le fichier en UTF-8.")) from error
    if "\x00" in text:
        raise _unreadable(_("Ce fichier n'est pas du texte en UTF-8."))
    return text


def _xlsx_rows(raw: bytes) -> Generator[tuple[int, list[str]], None, None]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    except Exception as error:
        raise _unreadable(_("Ce classeur ne peut pas être lu.")) from error
    try:
        sheet = book.worksheets[0]
        # What a sheet says of its own size may be a million columns: what is in it counts.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True)
        for number, cells in enumerate(_guarded(rows), start=1):
            # Empty lines are counted too: a last one far below is a million of them.
            if number > settings.IMPORT_MAX_ROWS + 1_000:
                raise _too_many()
            if len(cells) > _COLUMNS:
                raise _too_wide()
            yield number, [_text(cell) for cell in cells]
    finally:
        book.close()


def _guarded(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    try:
        yield from rows
    except Exception as error:
        raise _unreadable(_("Ce classeur ne peut pas être lu.")) from error


def _require_harmless_archive(raw: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise _unreadable(_("Ce classeur ne peut pas être lu.")) from error
    names = {member.filename.lower() for member in members}
    if any(name.endswith("vbaproject.bin") for name in names):
        raise _unreadable(_("Ce classeur contient des macros : enregistrez-le sans elles."))
    most = min(settings.IMPORT_MAX_BYTES, max(len(raw), _SMALL // _GROWTH)) * _GROWTH
    if len(members) > _MEMBERS or sum(member.file_size for member in members) > most:
        raise Invalid(_("Ce classeur est trop grand une fois décompressé."), code="file_too_large")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _written_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    # Spreadsheets know UTF-8 by its mark.
    yield "\ufeff".encode()
    for line in neutral_csv.lines([columns]):
        yield line.encode()
    for line in neutral_csv.lines(map(_local, rows)):
        yield line.encode()


def _written_xlsx(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_cell(value) for value in _local(row)])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        yield from _pieces(file)


def _cell(value: Any) -> Any:
    return neutral_csv.neutral(_CONTROL.sub(" ", value)) if isinstance(value, str) else value


def _local(row: Sequence[Any]) -> list[Any]:
    """Moments as local texts: neither CSV nor a workbook knows a time zone."""
    return [timezone.localtime(value).isoformat() if isinstance(value, datetime) else value for value in row]


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(64 * 1024):
        yield piece


def _unreadable(detail: str) -> Invalid:
    return Invalid(detail, code="file_unreadable")


def _too_many() -> Invalid:
    detail = _("Plus de %(count)d lignes : partagez le fichier.") % {"count": settings.IMPORT_MAX_ROWS}
    return Invalid(detail, code="file_too_large")


def _too_wide() -> Invalid:
    return Invalid(_("Plus de %(count)d colonnes.") % {"count": _COLUMNS}, code="file_too_large")
