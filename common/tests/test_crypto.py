import pytest
from cryptography.fernet import InvalidToken

from common.crypto import decrypt, encrypt


def test_what_is_encrypted_cannot_be_read_and_comes_back():
    token = encrypt(b"ASPIRINE")

    assert b"ASPIRINE" not in token
    assert encrypt(b"ASPIRINE") != token
    assert decrypt(token) == b"ASPIRINE"


def test_keys_are_rotated_by_putting_a_new_one_in_front(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    token = encrypt(b"x")

    settings.ENCRYPTION_KEYS = ["new", "old"]
    assert decrypt(token) == b"x"
    newer = encrypt(b"y")

    settings.ENCRYPTION_KEYS = ["new"]
    assert decrypt(newer) == b"y"
    with pytest.raises(InvalidToken):
        decrypt(token)


def test_what_was_tampered_with_is_refused():
    token = bytearray(encrypt(b"x"))
    token[20] ^= 1
    with pytest.raises(InvalidToken):
        decrypt(bytes(token))
