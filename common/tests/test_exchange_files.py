"""Files of strangers: what is read, what is refused with a sentence, and what a spreadsheet would compute."""

import csv
import io
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from common.csv import lines, neutral, plain
from common.errors import Invalid
from common.exchange import files

COLUMNS = ("code", "libelle", "prix")


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(raw: bytes, **members: bytes) -> bytes:
    """The workbook with members replaced or added; `__` in a name stands for a slash."""
    out = io.BytesIO()
    changed = {name.replace("__", "/"): content for name, content in members.items()}
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, content in changed.items():
            new.writestr(name, content)
    return out.getvalue()


def read(raw: bytes) -> list[Any]:
    return files.read(raw, required=("code",), known=COLUMNS)


@pytest.mark.parametrize(
    "raw",
    [
        "code;libelle;prix\nA;Été;1\n".encode(),
        "\ufeffcode,libelle,prix\r\nA,Été,1\r\n".encode(),
        "Code\tLibelle\tPrix\nA\tÉté\t1\n".encode("cp1252"),
        workbook([["code", "libelle", "prix"], [None, None, None], ["A", "Été", 1.0]]),
    ],
    ids=["semicolons", "commas", "cp1252", "xlsx"],
)
def test_what_spreadsheets_write_is_read(raw: bytes) -> None:
    assert [dict(cells) for _line, cells in read(raw)] == [{"code": "A", "libelle": "Été", "prix": "1"}]


def _sheet(rows: str, dimension: str = "A1:C2") -> bytes:
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="{dimension}"/><sheetData>{rows}</sheetData></worksheet>'
    ).encode()


_HEADER = '<row r="1"><c r="A1" t="str"><v>code</v></c></row>'
_PLAIN = workbook([["code"], ["A"]])
HOSTILE = {
    "nothing": (b"", "columns_missing"),
    "NUL in CSV": (b"code;prix\nA\x00;1\n", "file_unreadable"),
    "UTF-16": ("code;prix\nA;1\n".encode("utf-16"), "file_unreadable"),
    "no encoding at all": (b"code;libelle\nA;\x81\xff\n", "file_unreadable"),
    "a million columns": (b";" * 1_000_000 + b"\n", "file_too_large"),
    "a cell of a megabyte": (b"code;libelle\nA;" + b"x" * 1_000_000, "file_unreadable"),
    "a quote that never closes": (b'code;libelle\nA;"B\nC;D\n', "file_unreadable"),
    "too many cells": (b"code;prix\nA;1;2;3\n", "file_unreadable"),
    "a column twice": (b"code;code\nA;B\n", "columns_unknown"),
    "an unknown column": (b"code;mystere\nA;B\n", "columns_unknown"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "file_unreadable"),
    "half an archive": (_PLAIN[:200], "file_unreadable"),
    "an archive that is no workbook": (repacked(_PLAIN, **{"[Content_Types].xml": b"<x/>"}), "file_unreadable"),
    "macros": (repacked(_PLAIN, xl__vbaProject__bin=b"", **{"xl/vbaProject.bin": b"MZ"}), "file_unreadable"),
    "a bomb": (repacked(_PLAIN, xl__worksheets__sheet1=b"", **{"xl/bomb.xml": b"0" * 230_000_000}), "file_too_large"),
    "XML that is none": (repacked(_PLAIN, **{"xl/worksheets/sheet1.xml": b"<worksheet>"}), "file_unreadable"),
    "a row of sixteen thousand columns": (
        repacked(_PLAIN, **{"xl/worksheets/sheet1.xml": _sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>')}),
        "file_too_large",
    ),
    "a last row a million below": (
        repacked(
            _PLAIN,
            **{"xl/worksheets/sheet1.xml": _sheet(_HEADER + '<row r="1048576"><c r="A1048576"><v>1</v></c></row>')},
        ),
        "file_too_large",
    ),
}


@pytest.mark.parametrize("raw, code", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_files_are_refused_with_a_sentence(raw: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(raw)

    assert refused.value.code == code
    assert str(refused.value.detail)


def test_a_sheet_that_lies_about_its_size_is_read_as_what_is_in_it() -> None:
    row = '<row r="2"><c r="A2" t="str"><v>A</v></c></row>'
    raw = repacked(_PLAIN, **{"xl/worksheets/sheet1.xml": _sheet(_HEADER + row, "A1:XFD1048576")})

    assert [dict(cells) for _line, cells in read(raw)] == [{"code": "A"}]


def test_too_many_bytes_and_lines_are_refused(settings: Any) -> None:
    settings.IMPORT_MAX_ROWS = 2
    with pytest.raises(Invalid, match="file_too_large"):
        read(b"code\nA\nB\nC\n")
    settings.IMPORT_MAX_BYTES = 8
    with pytest.raises(Invalid, match="file_too_large"):
        read(b"code\nA\nB\n")


TEXTS = ["=1+1", "@SUM(A1)", "-2", "'=1", "''=1", "'t Hof", " =1", "＝1", "l'été", "", "\t=1", "+241"]
TEXTS += [
    'Crème;=HYPERLINK("http://x")',
    "a;'=1",
    'a; "=1',
    "a;\t=1",
    "gel;-2",
    "a;b;c = d",
    '"=1',
    ";",
    ";;＝1",
    "a\tb\t+1",
]
LINES = ["a\n=1", "a\r\n- b\n\n'- c", "\r=1", "\n\n@x"]


@pytest.mark.parametrize("text", [*TEXTS, *LINES])
def test_neutral_text_computes_nothing_and_comes_back(text: str) -> None:
    assert not neutral(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "＝"))
    assert plain(neutral(text)) == text


@pytest.mark.parametrize("delimiter", list(",;\t"))
@pytest.mark.parametrize("text", [*TEXTS, *LINES])
def test_no_cell_is_a_formula_however_the_file_is_split(text: str, delimiter: str) -> None:
    raw = "".join(lines([["3400935955838", text, 1], [text, 'un "mot"']]))

    for cells in csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter):
        assert not [cell for cell in cells if cell.lstrip(" \t\r\n").startswith(tuple("=+-@＝"))]


@given(st.text(alphabet="=+-@＝;,\t\r\n'\" a1"))
def test_any_text_comes_back(text: str) -> None:
    assert plain(neutral(text)) == text


@pytest.mark.parametrize("kind", sorted(files.FORMATS))
def test_a_file_that_is_written_is_read_as_it_was(kind: str) -> None:
    texts = [text for text in TEXTS if text == text.strip()]
    raw = b"".join(files.write(kind, COLUMNS, [("A", text, 1_500) for text in texts]))

    assert [cells["libelle"] for _line, cells in read(raw)] == texts
    assert {cells["prix"] for _line, cells in read(raw)} == {"1500"}
    if kind == files.XLSX:
        cells = list(load_workbook(io.BytesIO(raw)).active.iter_rows())  # type: ignore[union-attr]
        assert {cell.data_type for row in cells for cell in row} <= {"s", "n", "inlineStr"}
