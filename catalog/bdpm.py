"""The public French medicines database (Base de données publique des médicaments) as its files are published.

Tab-separated, without header lines, each file in an encoding of its own:
https://base-donnees-publique.medicaments.gouv.fr/telechargement (Licence Ouverte 2.0).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from catalog.rows import ProductRow, Remark
from common.money import eur_to_xaf

SPECIALITIES, PRESENTATIONS, GENERICS = "CIS_bdpm.txt", "CIS_CIP_bdpm.txt", "CIS_GENER_bdpm.txt"
SOURCE = "bdpm"

# Thousands, too, are set off by a comma: "24,34", "1,466,29".
_PRICE = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:,[0-9]{1,2})?")
_CIP13 = re.compile(r"[0-9]{13}")

# Where the originator's brand begins in a group's label: " - TAGAMET", " -VALIUM", " – XYZALL", "mg-BRILIQUE".
_BRAND = re.compile(r"\s+[-–]\s*|(?<=[lg%])\s?[-–]\s*(?=[^\W\d_])")
_DOSE = re.compile(
    r"""\s+ \d+ (?:[\s.]\d{3})* (?:[.,]\d*)? \s*
        (?: % | pour\s?cent | $
          | (?: [µμ]g | [mk]?g | microgrammes? | [mcd]?l | m?mol | [mkg]?bq | u\.?i\.? | m\.?u\.?i\.? | millions? )
            (?![^\W\d_])
        ) .*""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Speciality:
    label: str
    form: str
    is_marketed: bool


def missing_files(directory: Path) -> list[str]:
    return [name for name in (SPECIALITIES, PRESENTATIONS, GENERICS) if not (directory / name).is_file()]


def incomplete_files(directory: Path) -> list[str]:
    """What is wrong with files that were not fetched to their end: published ones end with the end of a line.

    What is missing in them would otherwise be taken away from the products.
    """
    wrong = []
    for name in (SPECIALITIES, PRESENTATIONS, GENERICS):
        raw = (directory / name).read_bytes()
        if not raw.strip():
            wrong.append(f"{name} is empty")
        elif not raw.endswith(b"\n"):
            wrong.append(f"{name} ends in the middle of a line")
    return wrong


def count_presentations(directory: Path) -> int:
    return sum(1 for _ in _lines(directory / PRESENTATIONS))


def read_products(directory: Path) -> Iterator[ProductRow | Remark]:
    """Each presentation as a product, or as a remark that says why it is left out.

    Lines of the two other files that nobody can read come first, as remarks too.
    """
    specialities: dict[str, _Speciality] = {}
    for number, columns in _lines(directory / SPECIALITIES):
        if len(columns) < 7:
            yield Remark(SPECIALITIES, number, f"{len(columns)} columns instead of 12")
            continue
        specialities.setdefault(columns[0], _Speciality(columns[1], columns[2], columns[6] == "Commercialisée"))
    substances: dict[str, str] = {}
    for number, columns in _lines(directory / GENERICS):
        if len(columns) < 3:
            yield Remark(GENERICS, number, f"{len(columns)} columns instead of 5")
            continue
        # A few specialities stand in two groups (two strengths of one substance): the first one names it.
        substances.setdefault(columns[2], substance_of(columns[1]))
    lines_by_code: dict[str, int] = {}
    for number, columns in _lines(directory / PRESENTATIONS):
        product = _read_presentation(columns, specialities, substances)
        if isinstance(product, str):
            yield Remark(PRESENTATIONS, number, product)
        elif (first := lines_by_code.setdefault(product.code, number)) != number:
            yield Remark(PRESENTATIONS, number, f"code {product.code} stands on line {first} already")
        else:
            yield product


def _read_presentation(
    columns: list[str], specialities: dict[str, _Speciality], substances: dict[str, str]
) -> ProductRow | str:
    """The product, or why there is none."""
    if len(columns) < 11:
        return f"{len(columns)} columns instead of 13"
    cis, _cip7, label, status, marketing, _date, cip13 = columns[:7]
    if not _CIP13.fullmatch(cip13):
        return f"code {cip13!r} has not 13 digits"
    speciality = specialities.get(cis)
    if speciality is None:
        return f"no speciality {cis} in {SPECIALITIES}"
    try:
        price = price_in_xaf(columns[10])
    except ValueError as error:
        return str(error)
    return ProductRow(
        code=cip13,
        label=f"{speciality.label} - {label}",
        substance=substances.get(cis, ""),
        form=speciality.form,
        price=price,
        price_is_indicative=price is not None,
        is_active=(
            speciality.is_marketed
            and status == "Présentation active"
            and marketing == "Déclaration de commercialisation"
        ),
        source=SOURCE,
    )


def price_in_xaf(text: str) -> int | None:
    """Euros as the files write them to whole francs, rounded to 5: `24,34` → 15965, `1,466,29` → 961825, none → None.

    Raises ValueError for what is no price.
    """
    if not text:
        return None
    if not _PRICE.fullmatch(text):
        raise ValueError(f"price {text!r} cannot be read")
    euros, comma, cents = text.rpartition(",")
    if len(cents) == 3 or not comma:
        euros, cents = euros + cents, "0"
    # Below half of the smallest coin there is no price to ask.
    return eur_to_xaf(Decimal(f"{euros.replace(',', '')}.{cents}")) or None


def substance_of(group_label: str) -> str:
    """The substances of a generic group without doses and brands.

    `LOSARTAN POTASSIUM 100 mg + HYDROCHLOROTHIAZIDE 25 mg - HYZAAR 100 mg/25 mg, comprimé pelliculé` →
    `LOSARTAN POTASSIUM + HYDROCHLOROTHIAZIDE`.
    """
    parts: list[str] = []
    for part in _BRAND.split(group_label, maxsplit=1)[0].split("+"):
        bare = " ".join(_DOSE.sub("", f" {part}").split())
        if bare and bare not in parts:
            parts.append(bare)
    return " + ".join(parts)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and columns, without blanks around them; empty lines are no lines."""
    # Only "\n" ends a line: str.splitlines() would also cut at characters inside of texts.
    for number, line in enumerate(_decode(path.read_bytes()).split("\n"), start=1):
        if line.strip():
            yield number, [column.strip() for column in line.split("\t")]


def _decode(raw: bytes) -> str:
    """UTF-8 where it is, otherwise Windows-1252: French text in the one is practically never valid in the other."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    # No database stores it.
    return text.replace("\x00", "")
