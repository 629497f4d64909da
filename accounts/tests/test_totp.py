import base64

import pytest

from accounts import totp

# RFC 6238, appendix B: the SHA-1 column, its last six digits.
SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    "timestamp, code",
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(timestamp: int, code: str) -> None:
    assert totp.code_of(SECRET, totp.step_at(timestamp)) == code
    assert totp.matching_step(SECRET, code, now=timestamp) == totp.step_at(timestamp)


@pytest.mark.parametrize("steps, taken", [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_one_step(steps: int, taken: bool) -> None:
    now = 1_800_000_000
    code = totp.code_of(SECRET, totp.step_at(now) + steps)

    assert totp.matching_step(SECRET, code, now=now) == (totp.step_at(now) + steps if taken else None)


@pytest.mark.parametrize("code", ["", "28708", "2870820", " 287082", "287082 ", "٢٨٧٠٨٢", "abcdef", "\udcff"])
def test_what_is_no_code_matches_nothing(code: str) -> None:
    assert totp.matching_step(SECRET, code, now=59) is None


def test_secrets_are_long_and_never_the_same() -> None:
    assert len({totp.new_secret() for _ in range(100)}) == 100
    assert len(totp.new_secret()) == 20


def test_uri_is_what_applications_read() -> None:
    uri = totp.otpauth_uri(SECRET, issuer="Toc Toc Medoc", account="aïcha+1@example.org")

    assert uri == (
        "otpauth://totp/Toc%20Toc%20Medoc:a%C3%AFcha%2B1@example.org"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toc%20Toc%20Medoc&algorithm=SHA1&digits=6&period=30"
    )
    assert base64.b32decode(totp.as_text(SECRET)) == SECRET
