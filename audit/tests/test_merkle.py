"""The tree and the sets of numbers that seals are made of."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.seals import merkle, ranges


def _recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + _recursive_root(leaves[:half]) + _recursive_root(leaves[half:])).digest()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 33])
def test_root_is_that_of_rfc_6962(count):
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(count)]

    assert merkle.root(leaves) == _recursive_root(leaves)


def test_root_of_nothing():
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@given(st.integers(1, 70), st.data())
def test_path_leads_from_every_leaf_to_the_root_and_from_no_other(count, data):
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(count)]
    position = data.draw(st.integers(0, count - 1))

    steps = merkle.path(leaves, position)

    assert merkle.climb(leaves[position], steps) == merkle.root(leaves)
    assert merkle.climb(merkle.leaf_hash(b"another"), steps) != merkle.root(leaves)


@given(st.sets(st.integers(1, 200)))
def test_numbers_survive_being_packed(numbers):
    assert list(ranges.unpack(ranges.pack(sorted(numbers)))) == sorted(numbers)


@given(st.sets(st.integers(11, 60), min_size=1))
def test_missing_numbers_are_those_left_out(numbers):
    expected = sorted(set(range(11, max(numbers) + 1)) - numbers)

    assert list(ranges.unpack(ranges.missing(sorted(numbers), after=10))) == expected


def test_ranges_are_written_shortly():
    assert ranges.pack([1, 2, 3, 5, 9, 10]) == "1-3,5,9-10"
    assert ranges.missing([3, 4, 7], after=1) == "2,5-6"


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_numbers_are_taken_out_of_a_set(numbers, taken):
    assert list(ranges.unpack(ranges.without(ranges.pack(sorted(numbers)), taken))) == sorted(numbers - taken)
