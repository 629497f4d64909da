"""The medicine gate: what may be sold at all, decided by data; words only make somebody look.

An item carries a category of an allowed class. A code that is a medicine's, by the catalogue or by its prefix (CIP13 of
French medicines are EAN-13 that begin with 34009; a CIP7 is its digits 6 to 12), is refused, however it is spelled.
"""

import re
from collections.abc import Collection, Sequence

from django.utils.translation import gettext_lazy as _

from catalog.enums import ProductKind
from catalog.models import SearchEntry
from catalog.text import words
from common.errors import FieldError, Invalid
from marketplaces.enums import ProductClass
from marketplaces.exceptions import NotForSale
from marketplaces.models import Category

MEDICINE_PREFIX = "34009"
_GS1_LENGTHS = (8, 12, 13)
# As many are looked up at once.
_CODES = 1_000

# Without accents and case, as `catalog.text.words` gives them.
SUSPECT_WORDS = frozenset(
    "medicament medicaments medicine medicines drug drugs comprime comprimes gelule gelules suppositoire "
    "suppositoires injectable ampoule antibiotique antibiotiques antibiotic corticoide corticoides ordonnance "
    "prescription generique posologie paracetamol acetaminophen ibuprofene ibuprofen aspirine aspirin doliprane "
    "efferalgan dafalgan nurofen advil spasfon smecta voltarene diclofenac ketoprofene codeine tramadol morphine "
    "amoxicilline amoxicillin augmentin ventoline salbutamol cortisone prednisolone dexamethasone betamethasone "
    "hydrocortisone insuline insulin metformine omeprazole artemether coartem quinine chloroquine viagra "
    "sildenafil cialis tadalafil levonorgestrel valium diazepam xanax alprazolam stilnox zolpidem minoxidil "
    "isotretinoine roaccutane hydroquinone".split()
)


def normalise_code(code: str) -> str:
    """A code without spaces and GTIN-14's leading zero: 7, 8, 12, 13 or 14 digits, or none. Raises `Invalid`."""
    digits = re.sub(r"[ \u00a0.-]", "", code)
    if len(digits) == 14 and digits.startswith("0"):
        digits = digits[1:]
    if digits and not re.fullmatch(r"[0-9]{7}|[0-9]{8}|[0-9]{12,14}", digits):
        detail = _("Un code compte 7 (CIP), 8, 12, 13 ou 14 chiffres.")
        raise Invalid(errors=[FieldError("code", "invalid", detail)])
    return digits


def check(*, category: Category, code: str) -> None:
    """Raise `NotForSale` (400) for what may not be sold; `code` is normalised."""
    (refusal,) = refusals([(category, code)])
    if refusal is not None:
        raise refusal


def refusals(goods: Sequence[tuple[Category, str]]) -> list[NotForSale | None]:
    """Of each category with a normalised code: why it may not be sold. The catalogue is asked once for a thousand."""
    medicines = _medicines({code for _category, code in goods if code})
    found: list[NotForSale | None] = []
    for category, code in goods:
        named = {"product_code": code, "category": category.code}
        if category.product_class == ProductClass.MEDICINE or not category.is_allowed:
            detail = _("Cette catégorie ne se vend pas sur une place de marché.")
            found.append(NotForSale(detail, reason="category", **named))
        elif code in medicines:
            found.append(NotForSale(reason=medicines[code], **named))
        else:
            found.append(None)
    return found


def suspect_words(title: str) -> list[str]:
    """The words of a title that staff should look at, each once, in alphabetical order."""
    return sorted(SUSPECT_WORDS & set(words(title)))


def _medicines(codes: Collection[str]) -> dict[str, str]:
    """Those of the codes that are a medicine's, and how we know: `prefix` or `catalogue`."""
    # The code of a carton (GTIN-14) holds the one of the box.
    found = {code: "prefix" for code in codes if (code[1:] if len(code) == 14 else code).startswith(MEDICINE_PREFIX)}
    others = sorted(set(codes) - set(found))
    for start in range(0, len(others), _CODES):
        spelled = {code: _spellings(code) for code in others[start : start + _CODES]}
        entries = SearchEntry.objects.filter(code__in={each for spellings in spelled.values() for each in spellings})
        medicines = set(entries.filter(kind=ProductKind.MEDICINE).values_list("code", flat=True))
        found |= {code: "catalogue" for code, spellings in spelled.items() if not medicines.isdisjoint(spellings)}
    return found


def _spellings(code: str) -> list[str]:
    """Every way in which the catalogue may write the code of the same box."""
    if len(code) == 7:
        return [code, _ean13(MEDICINE_PREFIX + code)]
    if len(code) == 14:
        # A carton's check digit is its own; the box's follows from the twelve digits before it, where it is right.
        return [spelled for digit in range(10) for spelled in _zeros(f"{code[1:13]}{digit}")]
    return _zeros(code)


def _zeros(code: str) -> list[str]:
    """A number of GS1's with as many zeros before it as it may have: EAN-8, UPC-A and EAN-13 are one number."""
    number = code.lstrip("0")
    return [number.zfill(length) for length in _GS1_LENGTHS if len(number) <= length]


def _ean13(twelve: str) -> str:
    """Twelve digits with their check digit."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return twelve + str(-total % 10)
