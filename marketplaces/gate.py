"""The medicine gate: what may be sold at all, decided by data; words only make somebody look.

An item carries a category of an allowed class. A code that is a medicine's, by the catalogue or by its prefix (CIP13 of
French medicines are EAN-13 that begin with 34009; a CIP7 is its digits 6 to 12), is refused.
"""

import re

from django.utils.translation import gettext_lazy as _

from catalog.enums import ProductKind
from catalog.models import SearchEntry
from catalog.text import words
from common.errors import FieldError, Invalid
from marketplaces.enums import ProductClass
from marketplaces.exceptions import NotForSale
from marketplaces.models import Category

MEDICINE_PREFIX = "34009"

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
    if category.product_class == ProductClass.MEDICINE or not category.is_allowed:
        raise NotForSale(
            _("Cette catégorie ne se vend pas sur une place de marché."),
            product_code=code,
            category=category.code,
            reason="category",
        )
    if reason := _medicine(code):
        raise NotForSale(product_code=code, category=category.code, reason=reason)


def suspect_words(title: str) -> list[str]:
    """The words of a title that staff should look at, each once, in alphabetical order."""
    return sorted(SUSPECT_WORDS & set(words(title)))


def _medicine(code: str) -> str:
    """Why a code is a medicine's; empty where it is none."""
    if not code:
        return ""
    # The code of a carton (GTIN-14) holds the one of the box.
    if code.startswith(MEDICINE_PREFIX) or (len(code) == 14 and code[1:].startswith(MEDICINE_PREFIX)):
        return "prefix"
    kinds = set(SearchEntry.objects.filter(code__in=_spellings(code)).values_list("kind", flat=True))
    return "catalogue" if ProductKind.MEDICINE in kinds else ""


def _spellings(code: str) -> list[str]:
    return [code, _ean13(MEDICINE_PREFIX + code)] if len(code) == 7 else [code]


def _ean13(twelve: str) -> str:
    """Twelve digits with their check digit."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return twelve + str(-total % 10)
