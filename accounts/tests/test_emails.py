import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.emails import normalize_email


@pytest.mark.parametrize(
    "written, stored",
    [
        ("marie@example.org", "marie@example.org"),
        (" Marie@Example.ORG\n", "marie@example.org"),
        ("hele\u0300ne@example.org", "hélène".replace("é", "e", 1) + "@example.org"),
        ("HÉLÈNE@EXAMPLE.ORG", "hélène@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("", ""),
    ],
)
def test_one_spelling(written, stored):
    assert normalize_email(written) == stored


@given(st.text(max_size=30))
def test_what_is_stored_is_found_again_by_what_is_stored(text):
    stored = normalize_email(text)

    assert normalize_email(stored) == stored
    assert normalize_email(unicodedata.normalize("NFD", text)) == stored
