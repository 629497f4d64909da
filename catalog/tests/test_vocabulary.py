import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import vocabulary
from catalog.services.products import save_product
from catalog.tests.factories import ProductFactory
from catalog.vocabulary import Vocabulary

WORDS = Vocabulary(["doliprane 500 mg comprime", "dolipran comprime", "fer comprime", "comprimes b12"])


@pytest.mark.parametrize("word", ["doliprane", "doli", "comprim", "fer", "xy", "42", "3400935294227", "5mg"])
def test_vocabulary_knows(word):
    assert WORDS.knows(word)


@pytest.mark.parametrize("word", ["dolipranes", "comprine", "zzz", "oliprane"])
def test_vocabulary_does_not_know(word):
    assert not WORDS.knows(word)


@pytest.mark.parametrize(
    ("word", "corrections"),
    [
        ("comprine", ["comprime", "comprimes"]),
        ("compriem", ["comprime", "comprimes"]),
        ("dolipran", ["dolipran", "doliprane"]),
        ("oliprane", ["doliprane", "dolipran"]),
        # One mistake in a short word, not two.
        ("fxr", ["fer"]),
        ("fxx", []),
        ("anticonstitutionnellement", []),
    ],
)
def test_corrections_come_nearest_first(word, corrections):
    assert WORDS.corrections(word, limit=3) == corrections


def test_corrections_prefer_the_same_first_letter_then_the_commonest():
    known = Vocabulary(["bale", "gale", "balo", "balo"])
    assert known.corrections("balx", limit=3) == ["balo", "bale"]
    assert Vocabulary(["cale", "gale", "gale"]).corrections("cade", limit=3) == ["cale"]
    assert Vocabulary(["cave", "gade", "gade"]).corrections("cade", limit=3) == ["cave", "gade"]


LONG_WORDS = st.text(string.ascii_lowercase, min_size=5, max_size=15)


@given(word=LONG_WORDS, at=st.integers(0, 13), letter=st.sampled_from(string.ascii_lowercase), kind=st.integers(0, 3))
def test_one_mistake_is_always_found(word, at, letter, kind):
    at = min(at, len(word) - 2)
    mistaken = [
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ][kind]
    known = Vocabulary([word])
    assert known.knows(mistaken) or known.corrections(mistaken, limit=1) == [word]


@pytest.mark.django_db
def test_vocabulary_is_read_once_a_version(django_assert_num_queries):
    product = ProductFactory(label="DOLIPRANE")
    first = vocabulary.current()
    with django_assert_num_queries(1):
        assert vocabulary.current() is first
    product.price = 2000
    product.is_active = False
    save_product(product, by=None)
    assert vocabulary.current() is first
    product.label = "SMECTALIA"
    save_product(product, by=None)
    with django_assert_num_queries(2):
        second = vocabulary.current()
    assert second.knows("smectalia")
    assert not second.knows("doliprane")
    assert vocabulary.held() is second
