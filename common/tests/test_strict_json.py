import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.strict_json import MAX_DEPTH, MalformedJson, loads

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), children)
    ),
    max_leaves=12,
)


def _code(raw):
    with pytest.raises(MalformedJson) as refused:
        loads(raw)
    assert refused.value.status == 400
    return refused.value.code


@given(JSON)
def test_what_json_can_say_is_read_as_it_was_meant(value):
    for ascii_only in (True, False):
        assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw):
    with suppress(MalformedJson):
        json.dumps(loads(raw), allow_nan=False).encode()


@pytest.mark.parametrize(
    "raw, code",
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 1,}', "malformed_json"),
        (b'{"a": 1} x', "malformed_json"),
        (b'{"a": NaN}', "malformed_json"),
        (b'{"a": Infinity}', "malformed_json"),
        (b'{"a": -Infinity}', "malformed_json"),
        (b'{"a": 1e400}', "malformed_json"),
        (b'{"a": -1e400}', "malformed_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"a": "\n"}', "malformed_json"),
        (b'\xef\xbb\xbf{"a": 1}', "malformed_json"),
        ('{"a": "é"}'.encode("latin-1"), "malformed_json"),
        ('{"a": 1}'.encode("utf-16"), "malformed_json"),
        (b'{"a": "\xed\xa0\x80"}', "malformed_json"),
        (b'{"a": "\x00"}', "malformed_json"),
        (b'{"a": "\\u0000"}', "forbidden_characters"),
        (b'{"\\u0000": 1}', "forbidden_characters"),
        (b'{"a": ["x", {"b": "\\ud800"}]}', "forbidden_characters"),
        (b'{"a": "\\udc00\\ud800"}', "forbidden_characters"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "duplicate_key"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "json_too_deep"),
        (b"[" * 1100 + b"]" * 1100, "json_too_deep"),
        (b'{"a":' * 1100 + b"1" + b"}" * 1100, "json_too_deep"),
        (b"[" * 200_000, "json_too_deep"),
    ],
)
def test_refused(raw, code):
    assert _code(raw) == code


@pytest.mark.parametrize(
    "raw, value",
    [
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b'"' + b"[" * 1100 + b'"', "[" * 1100),
        (b'"\\"' + b"[" * 1100 + b'"', '"' + "[" * 1100),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\u0000"', "\\u0000"),
        (b"9007199254740993", 9007199254740993),
        (b"null", None),
    ],
)
def test_accepted(raw, value):
    read = loads(raw)
    assert value is None or read == value


@pytest.mark.parametrize("raw", [b'\\"' * 131_072, b'"' + b"\\" * 262_143, b'"' + b'\\"' * 131_071, b'"a' * 131_072])
def test_quotes_without_end_are_refused_in_linear_time(raw):
    """A quadratic search for the end of a string would keep this test busy for an hour."""
    assert _code(raw) == "malformed_json"
