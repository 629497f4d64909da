"""Lists of pharmacies as CSV files with French columns: phones in several forms, the position of the town."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.csv_file import read_csv_file
from catalog.rows import PharmacyRow, Remark
from catalog.text import normalize
from common.errors import Invalid
from common.phones import InvalidPhone, to_e164

COLUMNS = (
    "code",
    "nom",
    "ville",
    "quartier",
    "telephone",
    "horaires",
    "garde_24h",
    "ville_latitude_geonames",
    "ville_longitude_geonames",
)
_BETWEEN_PHONES = re.compile(r"[/;,|]|\bou\b|\bet\b")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_YES = frozenset({"1", "oui", "o", "vrai", "true", "x"})


def read_lines(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and cells by column, without blanks around them, of a CSV file as spreadsheets write it.

    Empty lines are no lines. Raises `Invalid` where columns are missing or quotes not closed.
    """
    header, lines = read_csv_file(path)
    if missing := [name for name in columns if name not in header]:
        raise Invalid(f"{path.name} lacks the columns {', '.join(missing)}.", code="columns_missing")
    for line, cells in lines:
        values = {name: " ".join(cells.get(name, "").split()) for name in columns}
        if any(values.values()):
            yield line, values


def read_pharmacies(path: Path, *, region: str) -> Iterator[PharmacyRow | Remark]:
    """Each line as a pharmacy, or as a remark that begins with "left out"; other remarks tell what of a line was lost.

    `region` is the country whose phone numbers may lack the prefix. Raises `Invalid` where columns are missing.
    """
    lines_by_code: dict[str, int] = {}
    for line, values in read_lines(path, COLUMNS):
        if reason := _reason_to_leave_out(values):
            yield Remark(path.name, line, f"left out: {reason}")
        elif (first := lines_by_code.setdefault(values["code"], line)) != line:
            yield Remark(path.name, line, f"left out: code {values['code']} stands on line {first} already")
        else:
            remarks: list[str] = []
            yield _pharmacy(values, region, remarks)
            for remark in remarks:
                yield Remark(path.name, line, remark)


def _reason_to_leave_out(values: dict[str, str]) -> str | None:
    if not _CODE.fullmatch(values["code"]):
        return f"code {values['code']!r} cannot be used"
    for name, longest in (("nom", 200), ("ville", 120), ("quartier", 200)):
        if len(values[name]) > longest:
            return f"{name} is longer than {longest} characters"
    return next((f"no {name}" for name in ("nom", "ville") if not values[name]), None)


def _pharmacy(values: dict[str, str], region: str, remarks: list[str]) -> PharmacyRow:
    position = _position(values["ville_latitude_geonames"], values["ville_longitude_geonames"], remarks)
    return PharmacyRow(
        code=values["code"],
        name=values["nom"],
        town=values["ville"],
        quarter=values["quartier"],
        phones=tuple(_phones(values["telephone"], region, remarks)),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        position_is_approximate=position is not None,
        hours=values["horaires"],
        always_open=normalize(values["garde_24h"]) in _YES,
    )


def _phones(field: str, region: str, remarks: list[str]) -> list[str]:
    found: list[str] = []
    for written in filter(None, map(str.strip, _BETWEEN_PHONES.split(field))):
        try:
            phone = to_e164(written, region=region)
        except InvalidPhone:
            remarks.append(f"phone {written!r} cannot be read")
            continue
        if phone not in found:
            found.append(phone)
    return found


def _position(latitude: str, longitude: str, remarks: list[str]) -> tuple[float, float] | None:
    if not latitude and not longitude:
        return None
    try:
        lat, lon = float(latitude.replace(",", ".")), float(longitude.replace(",", "."))
    except ValueError:
        lat = lon = float("nan")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        remarks.append(f"position {latitude!r}, {longitude!r} cannot be read")
        return None
    return lat, lon
