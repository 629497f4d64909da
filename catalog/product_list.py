"""Lists of products as pharmacists keep them: spreadsheets, CSV files, the documents of an old collection.

Columns are found by their names, French or English, whatever their case, accents and order.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.csv_file import read_csv_file
from catalog.enums import ProductKind
from catalog.models import LABEL_MAX_LENGTH
from catalog.rows import ProductRow, Remark
from catalog.text import normalize
from catalog.values import price_in_francs, product_code, quantity
from common.errors import Invalid
from common.exchange.files import require_harmless

# A line's number and its cells by the column's own name.
Line = tuple[int, Mapping[str, Any]]

_NAMES = {
    "code": "code cip cip13 cip7 code_cip ean ean13 gtin code_barre code_barres barcode code_produit",
    "label": "libelle nom name label designation produit product nom_du_produit",
    "substance": "substance dci molecule active_ingredient",
    "form": "forme form forme_galenique",
    "category": "categorie category famille rayon",
    "kind": "nature kind type",
    "prescription": "ordonnance prescription sur_ordonnance prescription_required",
    "price": "prix price prix_vente prix_de_vente prix_public pvp tarif prix_xaf prix_fcfa",
    "stock": "stock quantite quantity qte",
    "pharmacy": "pharmacie pharmacy code_pharmacie",
}
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names.split()}
_LONGEST = {"label": LABEL_MAX_LENGTH, "substance": LABEL_MAX_LENGTH, "form": LABEL_MAX_LENGTH, "category": 120}
_YES = frozenset({"1", "oui", "o", "vrai", "true", "yes", "x", "liste i", "liste ii"})
_NO = frozenset({"0", "non", "n", "faux", "false", "no"})


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """So many boxes of a product in a pharmacy, named by its code or its name."""

    line: int
    pharmacy: str
    product_code: str
    quantity: int
    price: int | None


def read_list(lines: Iterable[Line], *, name: str) -> Iterator[ProductRow | ShelfRow | Remark]:
    """Each line as a product, and as what a pharmacy has of it; or as a remark that begins with "left out".

    Of lines with the same code the first one is the product; the others may still tell another pharmacy's stock.
    """
    lines_by_code: dict[str, int] = {}
    for line, cells in lines:
        values = {_COLUMN_OF[key]: cell for raw, cell in cells.items() if (key := _key(raw)) in _COLUMN_OF}
        code, label = product_code(values.get("code")), _text(values.get("label"))
        reason = _reason_to_leave_out(values, code, label)
        if code is None or reason:
            yield Remark(name, line, f"left out: {reason}")
            continue
        remarks: list[str] = []
        price = _or_remark(price_in_francs, values.get("price"), remarks)
        first = lines_by_code.setdefault(code, line)
        boxes = _or_remark(quantity, values.get("stock"), remarks)
        pharmacy = _text(values.get("pharmacy"))
        if first == line:
            yield _product(code, label, values, price, name)
        if boxes is not None and pharmacy:
            yield ShelfRow(line, pharmacy, code, boxes, price)
        elif first != line:
            remarks.append(f"left out: code {code} stands on line {first} already")
        for remark in remarks:
            yield Remark(name, line, remark)


def read_csv(path: Path) -> Iterator[Line]:
    """The lines of a CSV file. Raises `Invalid` where columns are missing or cells cannot be told apart."""
    header, lines = read_csv_file(path)
    _require_columns(header, path.name)
    yield from lines


def read_xlsx(path: Path) -> Iterator[Line]:
    """The lines of the first sheet of a spreadsheet. Raises `Invalid` where it is none, would unpack to something huge
    (`IMPORT_MAX_BYTES`), or columns are missing."""
    from openpyxl import load_workbook

    require_harmless(path.read_bytes())
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise Invalid(f"{path.name} is no spreadsheet that can be read.", code="file_unreadable") from error
    try:
        sheet = book.worksheets[0]
        # What a sheet says of its own size may be a million columns: what is in it counts.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True)
        header = [str(cell or "") for cell in next(rows, ())]
        _require_columns(header, path.name)
        for number, cells in enumerate(rows, start=2):
            if any(cell not in (None, "") for cell in cells):
                yield number, dict(zip(header, cells, strict=False))
    finally:
        book.close()


def read_collection(url: str, collection: str) -> Iterator[tuple[int, Mapping[str, Any], datetime | None]]:
    """The documents of an old collection in the order of their keys, numbered from 1, and when each was made.

    Raises `Invalid` where the address names no database, and pymongo's exceptions where it cannot be reached.
    """
    from bson import ObjectId
    from pymongo import MongoClient
    from pymongo.errors import ConfigurationError

    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5_000) as client:
        try:
            database = client.get_default_database()
        except ConfigurationError as error:
            raise Invalid("The address must end with the database's name.", code="database_missing") from error
        for number, document in enumerate(database[collection].find().sort("_id", 1), start=1):
            key = document.get("_id")
            yield number, document, key.generation_time if isinstance(key, ObjectId) else None


def changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


def _require_columns(header: Iterable[str], name: str) -> None:
    found = {_COLUMN_OF.get(_key(column)) for column in header}
    if missing := [column for column in ("code", "label") if column not in found]:
        names = {"code": "code (cip, ean)", "label": "libelle (nom, name)"}
        raise Invalid(
            f"{name} lacks the columns {', '.join(names[column] for column in missing)}.", code="columns_missing"
        )


def _key(name: Any) -> str:
    return re.sub(r" ", "_", normalize(str(name or "")))


def _text(value: Any) -> str:
    """Only texts and numbers are texts: an old document may hold anything."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value).replace("\x00", "").split())


def _reason_to_leave_out(values: Mapping[str, Any], code: str | None, label: str) -> str | None:
    if code is None:
        written = _text(values.get("code"))
        return f"code {written[:40]!r} cannot be used" if written else "no code"
    if not label:
        return "no label"
    for column, longest in _LONGEST.items():
        if len(_text(values.get(column))) > longest:
            return f"{column} is longer than {longest} characters"
    return None


def _or_remark(read: Any, value: Any, remarks: list[str]) -> int | None:
    try:
        found: int | None = read(value)
    except ValueError as error:
        remarks.append(str(error))
        return None
    return found


def _product(code: str, label: str, values: Mapping[str, Any], price: int | None, source: str) -> ProductRow:
    said = normalize(_text(values.get("prescription")))
    is_parapharmacy = normalize(_text(values.get("kind"))).startswith("para")
    return ProductRow(
        code=code,
        label=label,
        substance=_text(values.get("substance")),
        form=_text(values.get("form")),
        category=_text(values.get("category")) or None,
        kind=ProductKind.PARAPHARMACY if is_parapharmacy else ProductKind.MEDICINE,
        prescription_required=True if said in _YES else False if said in _NO else None,
        price=price,
        source=source[:32],
    )
