"""The signature of callbacks, against a value worked out by hand with OpenSSL."""

import pytest

from payments.providers.mypayga.client import signature, signature_fits

SECRET = "a-secret"
FIELDS = {
    "order_status": "200",
    "unique_id": "0123456789abcdef0123456789abcdef",
    "amount": "5000",
    "payment_token": "tok",
    "payment_method": "AM",
    "message": "Payé",
    "client_phone": "077123456",
    "currency": "XAF",
}
# printf '2000123456789abcdef0123456789abcdef5000tokAMPayé077123456' | openssl dgst -sha512 -hmac a-secret
HASH = (
    "64bdbf960f9b8704798f37a4cbd8cdc07f6bb84c6aae4e2ad4056535c5fe62a5"
    "ad562e5834f0e238a9c3848491a742cfa9fb1372e6c19fa9b5990fc6dee47d81"
)


def test_signature_is_the_documented_one():
    assert signature(FIELDS, SECRET) == HASH


@pytest.mark.parametrize("given", [HASH, HASH.upper(), HASH.title()])
def test_signature_fits_in_either_case(given):
    assert signature_fits({**FIELDS, "hash": given}, SECRET)


@pytest.mark.parametrize("given", ["", None, HASH[:-1], HASH + "0", f" {HASH}", "é" * 128, 0, True, [HASH], {"a": 1}])
def test_anything_else_does_not_fit(given):
    assert not signature_fits({**FIELDS, "hash": given}, SECRET)


def test_another_secret_does_not_fit():
    assert not signature_fits({**FIELDS, "hash": HASH}, "another-secret")


def test_missing_field_counts_as_empty_and_integer_zero_as_a_value():
    assert signature({**FIELDS, "client_phone": None}, SECRET) == signature({**FIELDS, "client_phone": ""}, SECRET)
    assert signature({**FIELDS, "order_status": 0}, SECRET) == signature({**FIELDS, "order_status": "0"}, SECRET)
    assert signature({**FIELDS, "order_status": 0}, SECRET) != signature({**FIELDS, "order_status": ""}, SECRET)


def test_numbers_are_signed_as_they_are_written():
    assert signature({**FIELDS, "amount": 5000, "order_status": 200}, SECRET) == HASH


def test_currency_is_not_covered():
    assert signature({**FIELDS, "currency": "EUR"}, SECRET) == HASH
