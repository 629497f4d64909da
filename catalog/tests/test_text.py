import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.text import entry_text, normalize, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DOLIPRANE® 500mg, comprimé", ["doliprane", "500", "mg", "comprime"]),
        ("Œstradiol & cœur", ["oestradiol", "coeur"]),
        ("vitamine B12", ["vitamine", "b12"]),
        ("1,5 mg/ml", ["1", "5", "mg", "ml"]),
        ("l’eau d'Évian", ["l", "eau", "d", "evian"]),
        ("50 µg", ["50", "μg"]),
        ("Straße İstanbul", ["strasse", "istanbul"]),
        ("(): * \" ' & | ! <-> _ -- ;", []),
        ("", []),
    ],
)
def test_words_of_text(text, expected):
    assert words(text) == expected


@given(st.text())
def test_words_hold_letters_and_digits_only(text):
    assert all(word.isalnum() for word in words(text))


@given(st.text())
def test_normalize_twice_changes_nothing(text):
    assert normalize(normalize(text)) == normalize(text)


def test_entry_text_adds_what_the_label_lacks():
    text = entry_text("DOLIPRANE 500 mg, comprimé", "PARACÉTAMOL 500", "3400935294227")
    assert text == "doliprane 500 mg comprime paracetamol 3400935294227 3529422"


def test_entry_text_of_another_code_has_no_cip7():
    assert entry_text("Crème", "", "PARA-1") == "creme para 1"
