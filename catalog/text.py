"""Words as search sees them: without accents and case, letters and digits only."""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
# "500mg" is two words, as "500 mg" is; "b12" stays one.
_UNIT = re.compile(r"(?<=\d)(?=[^\W\d_])")
# Letters that Unicode does not take apart.
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def words(text: str) -> list[str]:
    """`Doliprane® 500mg, comprimé` → `["doliprane", "500", "mg", "comprime"]`."""
    # Twice: folding case can compose what was taken apart, and the reverse.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return _WORD.findall(_UNIT.sub(" ", bare.translate(_LETTERS)))


def normalize(*texts: str) -> str:
    """All words of the texts in their order, one blank between them."""
    return " ".join(word for text in texts for word in words(text))


def entry_text(label: str, substance: str, code: str) -> str:
    """What a product is found by: the words of its label in their order, then what substance and codes add."""
    found = words(label)
    for word in (*words(substance), *_codes(code)):
        if word not in found:
            found.append(word)
    return " ".join(found)


def _codes(code: str) -> Iterable[str]:
    yield from words(code)
    # A CIP13 is 34009, the CIP7 that is printed on older boxes, and a check digit.
    if len(code) == 13 and code.isascii() and code.isdigit() and code.startswith("34009"):
        yield code[5:12]
