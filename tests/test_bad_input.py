"""What strangers send: refused with problem details that name every failing field, and nothing is changed."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Account, User
from accounts.tests.factories import make_user
from catalog.models import Stock
from common.models import IdempotencyKey
from common.tests.rows import contents
from payments.tests.factories import make_payment, make_rate, make_refund
from reservations.models import Reservation
from reservations.tests.factories import basket, make_reservation, make_stock, pay, set_reserve_price

pytestmark = pytest.mark.django_db

RESERVATIONS, PAYMENTS, REFUNDS = "/api/v1/reservations/", "/api/v1/payments/", "/api/v1/refunds/"
PROBLEM = "application/problem+json"
Errors = list[tuple[str, str]]


@pytest.fixture
def patient() -> User:
    return make_user(credits=10)


@pytest.fixture
def stock() -> Stock:
    return make_stock(quantity=10)


def send(client: APIClient, url: str, body: Any, method: str = "POST", content_type: str = "application/json") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.generic(method, url, raw, content_type=content_type, headers={"Idempotency-Key": uuid.uuid4().hex})


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    return body


def named(body: dict[str, Any]) -> Errors:
    return sorted((error["field"], error["code"]) for error in body.get("errors", []))


# Reservations


def _line(stock: Stock, /, **fields: Any) -> dict[str, Any]:
    return {"product": stock.product_code, "quantity": 1, **fields}


BASKETS: dict[str, tuple[Callable[[Stock], Any], int, str, Errors]] = {
    "unknown pharmacy": (
        lambda s: {"pharmacy": "NOWHERE", "lines": [_line(s)]},
        *(404, "unknown_pharmacy", [("pharmacy", "unknown_pharmacy")]),
    ),
    "unknown product": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s), _line(s, product="NOWHERE")]},
        *(404, "unknown_product", [("lines.1.product", "unknown_product")]),
    ),
    "both unknown": (
        lambda s: {"pharmacy": "NOWHERE", "lines": [_line(s, product="NOWHERE")]},
        *(404, "unknown_pharmacy", [("pharmacy", "unknown_pharmacy")]),
    ),
    "quantity 0": (lambda s: basket(s, 0), 400, "min_value", [("lines.0.quantity", "min_value")]),
    "quantity -1": (lambda s: basket(s, -1), 400, "min_value", [("lines.0.quantity", "min_value")]),
    "quantity 10^12": (lambda s: basket(s, 10**12), 400, "max_value", [("lines.0.quantity", "max_value")]),
    "quantity 10^400": (lambda s: basket(s, 10**400), 400, "max_value", [("lines.0.quantity", "max_value")]),
    **{
        f"quantity {value!r}": (
            lambda s, value=value: basket(s, value),
            *(400, "null" if value is None else "invalid"),
            [("lines.0.quantity", "null" if value is None else "invalid")],
        )
        for value in (1.5, 1.0, "two", "2", "", True, False, None, [], {}, [1], {"gt": 1})
    },
    "quantity missing": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [{"product": s.product_code}]},
        *(400, "required", [("lines.0.quantity", "required")]),
    ),
    "empty basket": (lambda s: {"pharmacy": s.pharmacy.code, "lines": []}, 400, "empty", [("lines", "empty")]),
    "no basket": (lambda s: {"pharmacy": s.pharmacy.code}, 400, "required", [("lines", "required")]),
    "basket null": (lambda s: {"pharmacy": s.pharmacy.code, "lines": None}, 400, "null", [("lines", "null")]),
    "basket text": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": "x"},
        *(400, "not_a_list", [("lines", "not_a_list")]),
    ),
    "basket object": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": {"0": _line(s)}},
        *(400, "not_a_list", [("lines", "not_a_list")]),
    ),
    "line no object": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s), 5, None, "x", []]},
        *(
            400,
            "invalid",
            [("lines.1", "invalid"), ("lines.2", "null"), ("lines.3", "invalid"), ("lines.4", "invalid")],
        ),
    ),
    "101 lines": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s)] * 101},
        *(400, "max_length", [("lines", "max_length")]),
    ),
    "twice, together too many": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s, quantity=6), _line(s, quantity=5)]},
        *(409, "insufficient_stock"),
        [("lines.0.quantity", "insufficient_stock"), ("lines.1.quantity", "insufficient_stock")],
    ),
    "short stock": (lambda s: basket(s, 11), 409, "insufficient_stock", [("lines.0.quantity", "insufficient_stock")]),
    "unknown field": (lambda s: {**basket(s), "price": 1}, 400, "unknown_field", [("price", "unknown_field")]),
    "unknown field of a line": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s), _line(s, unit_price=1, stock=1)]},
        *(400, "unknown_field"),
        [("lines.1.stock", "unknown_field"), ("lines.1.unit_price", "unknown_field")],
    ),
    "product too long": (
        lambda s: {"pharmacy": s.pharmacy.code, "lines": [_line(s, product="1" * 14)]},
        *(400, "max_length", [("lines.0.product", "max_length")]),
    ),
    **{
        f"product {value!r}": (
            lambda s, value=value: {"pharmacy": s.pharmacy.code, "lines": [_line(s, product=value)]},
            *(400, code),
            [("lines.0.product", code)],
        )
        for value, code in {
            "": "blank",
            "a b": "invalid",
            "é": "invalid",
            "%": "invalid",
            "../x": "invalid",
            "a\nb": "invalid",
            "1' OR '1'='1"[:13]: "invalid",
        }.items()
    },
    "pharmacy null": (lambda s: {**basket(s), "pharmacy": None}, 400, "null", [("pharmacy", "null")]),
    "pharmacy object": (lambda s: {**basket(s), "pharmacy": {"code": 1}}, 400, "invalid", [("pharmacy", "invalid")]),
    "pharmacy true": (lambda s: {**basket(s), "pharmacy": True}, 400, "invalid", [("pharmacy", "invalid")]),
    "pharmacy too long": (
        lambda s: {**basket(s), "pharmacy": "x" * 33},
        *(400, "max_length", [("pharmacy", "max_length")]),
    ),
    "everything at once": (
        lambda s: {"lines": [_line(s, quantity=0), {"product": "", "x": 1}], "y": 2},
        *(400, "invalid"),
        [
            ("lines.0.quantity", "min_value"),
            ("lines.1.product", "blank"),
            ("lines.1.quantity", "required"),
            ("lines.1.x", "unknown_field"),
            ("pharmacy", "required"),
            ("y", "unknown_field"),
        ],
    ),
    "nothing": (lambda s: {}, 400, "required", [("lines", "required"), ("pharmacy", "required")]),
}


@pytest.mark.parametrize("name", BASKETS)
def test_basket_that_cannot_be_had(api: Callable[..., APIClient], patient: User, stock: Stock, name: str) -> None:
    set_reserve_price(2)
    build, status, code, errors = BASKETS[name]
    client, before = api(patient), contents()

    assert named(refused(send(client, RESERVATIONS, build(stock)), status, code)) == errors
    assert contents() == before


def test_hundred_lines_are_a_basket(api: Callable[..., APIClient], patient: User) -> None:
    stock = make_stock(quantity=100)

    response = send(api(patient), RESERVATIONS, {"pharmacy": stock.pharmacy.code, "lines": [_line(stock)] * 100})
    assert response.status_code == 201
    assert response.json()["lines"][0]["quantity"] == 100


def test_too_few_credits(api: Callable[..., APIClient], patient: User, stock: Stock) -> None:
    set_reserve_price(11)
    client, before = api(patient), contents()

    refused(send(client, RESERVATIONS, basket(stock)), 402, "insufficient_credits")
    assert contents() == before


@pytest.mark.parametrize("price", [0, 2])
def test_disabled_account(api: Callable[..., APIClient], patient: User, stock: Stock, price: int) -> None:
    set_reserve_price(price)
    Account.objects.filter(user=patient).update(is_active=False)
    client, before = api(patient), contents()

    refused(send(client, RESERVATIONS, basket(stock)), 403, "account_disabled")
    assert contents() == before


@pytest.mark.parametrize(
    "method, path", [("GET", "")] + [("POST", f"{a}/") for a in "cancel reject ready collect".split()]
)
def test_reservation_of_somebody_else(api: Callable[..., APIClient], patient: User, method: str, path: str) -> None:
    theirs = make_reservation()
    client, before = api(patient), contents()

    for public_id in (theirs.public_id, uuid.uuid4()):
        response = send(client, f"{RESERVATIONS}{public_id}/{path}", {"reason": "x"}, method)
        refused(response, 404, "not_found")
    assert contents() == before


@pytest.mark.parametrize("method, path", [("GET", ""), ("POST", "refresh/")])
def test_payment_of_somebody_else(api: Callable[..., APIClient], patient: User, method: str, path: str) -> None:
    theirs = make_payment()
    client, before = api(patient), contents()

    refused(send(client, f"{PAYMENTS}{theirs.public_id}/{path}", {}, method), 404, "not_found")
    assert contents() == before


# Payments

ABROAD = ["+33612345678", "+237671234567", "+1 202 555 0123"]
PAYMENT_CASES: dict[str, tuple[dict[str, Any], int, str, Errors]] = {
    "unknown rate": ({"rate": 999_999}, 404, "unknown_rate", []),
    "rate 0": ({"rate": 0}, 400, "min_value", [("rate", "min_value")]),
    "rate -1": ({"rate": -1}, 400, "min_value", [("rate", "min_value")]),
    "rate 1.5": ({"rate": 1.5}, 400, "invalid", [("rate", "invalid")]),
    "rate text": ({"rate": "1"}, 400, "invalid", [("rate", "invalid")]),
    "rate 10^12": ({"rate": 10**12}, 400, "max_value", [("rate", "max_value")]),
    "rate true": ({"rate": True}, 400, "invalid", [("rate", "invalid")]),
    "amount of the client": ({"amount": 1}, 400, "unknown_field", [("amount", "unknown_field")]),
    "unknown purpose": ({"purpose": "gift"}, 400, "invalid_choice", [("purpose", "invalid_choice")]),
    "unknown provider": ({"provider": "paypal"}, 400, "unknown_provider", [("provider", "unknown_provider")]),
    "no number": ({"phone": "123"}, 400, "invalid_phone", [("phone", "invalid_phone")]),
    **{f"phone {number}": ({"phone": number}, 400, "invalid_phone", [("phone", "invalid_phone")]) for number in ABROAD},
    "landline": ({"phone": "011761234"}, 400, "unknown_network", [("phone", "unknown_network")]),
    "unknown network": ({"network": "XX"}, 400, "invalid_choice", [("network", "invalid_choice")]),
}


@pytest.mark.parametrize("name", PAYMENT_CASES)
def test_payment_that_cannot_be_asked_for(api: Callable[..., APIClient], patient: User, name: str) -> None:
    rate = make_rate()
    changes, status, code, errors = PAYMENT_CASES[name]
    body = {"purpose": "rate", "rate": rate.pk, "provider": "mypayga", "phone": "077123456", **changes}
    client, before = api(patient), contents()

    problem = refused(send(client, PAYMENTS, body), status, code)
    assert named(problem) in (errors, [])
    assert contents() == before


# Any body, anywhere


ROUTES = "reserve cancel reject ready collect cash pay refresh confirm refund approve sent done failed me login".split()


class Target:
    """An unsafe route that reads a JSON body, about something that an administrator may touch."""

    def __init__(self, api: Callable[..., APIClient], route: str) -> None:
        admin = make_user(Role.ADMIN)
        reservation = make_reservation()
        pay(reservation)
        payment, refund = make_payment(user=admin), make_refund()
        self.client = api(admin)
        self.method = "PATCH" if route == "me" else "POST"
        self.url = {
            "reserve": RESERVATIONS,
            **{
                name: f"{RESERVATIONS}{reservation.public_id}/{name}/" for name in "cancel reject ready collect".split()
            },
            "cash": f"{RESERVATIONS}{reservation.public_id}/pay/",
            "pay": PAYMENTS,
            "refresh": f"{PAYMENTS}{payment.public_id}/refresh/",
            "confirm": f"{PAYMENTS}{payment.public_id}/confirm/",
            "refund": REFUNDS,
            **{name: f"{REFUNDS}{refund.public_id}/{name}/" for name in "approve sent done failed".split()},
            "me": "/api/v1/auth/me/",
            "login": "/api/v1/auth/login/",
        }[route]

    def send(self, body: Any, content_type: str = "application/json", client: APIClient | None = None) -> Any:
        return send(client or self.client, self.url, body, self.method, content_type)


@pytest.fixture(params=ROUTES)
def target(request: pytest.FixtureRequest, api: Callable[..., APIClient], db: None) -> Target:
    return Target(api, request.param)


HOSTILE: dict[str, tuple[bytes, int, str]] = {
    "broken": (b'{"pharmacy": ', 400, "malformed_json"),
    "half a string": (b'{"a": "', 400, "malformed_json"),
    "two values": (b"{} {}", 400, "malformed_json"),
    "not utf-8": (b'{"a": "\xff"}', 400, "malformed_json"),
    "bom": (b"\xef\xbb\xbf{}", 400, "malformed_json"),
    "nul": (b'{"a": "\x00"}', 400, "malformed_json"),
    "escaped nul": (b'{"a": "\\u0000"}', 400, "forbidden_characters"),
    "escaped nul in a key": (b'{"\\u0000": 1}', 400, "forbidden_characters"),
    "lone surrogate": (b'{"a": "\\ud800"}', 400, "forbidden_characters"),
    "raw surrogate": (b'{"a": "\xed\xa0\x80"}', 400, "malformed_json"),
    "duplicate keys": (b'{"a": 1, "a": 1}', 400, "duplicate_key"),
    "NaN": (b'{"a": NaN}', 400, "malformed_json"),
    "Infinity": (b'{"a": -Infinity}', 400, "malformed_json"),
    "1e400": (b'{"a": 1e400}', 400, "malformed_json"),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", 400, "malformed_json"),
    "depth 33": (b"[" * 33 + b"]" * 33, 400, "json_too_deep"),
    "depth 1,100": (b'{"a":' * 1100 + b"1" + b"}" * 1100, 400, "json_too_deep"),
    "depth without end": (b"[" * 200_000, 400, "json_too_deep"),
    "over 256 kB": (b'{"a": "' + b"a" * 262_144 + b'"}', 413, "payload_too_large"),
}


def test_hostile_json(target: Target) -> None:
    before = contents()

    for name, (raw, status, code) in HOSTILE.items():
        refused(target.send(raw), status, code)
        assert contents() == before, name
    assert not IdempotencyKey.objects.exists()


def test_body_that_is_no_json_at_all(target: Target) -> None:
    before = contents()

    for content_type in ("text/plain", "application/xml", "application/octet-stream", "text/json", "x"):
        refused(target.send({}, content_type), 415, "unsupported_media_type")
    if "login" not in target.url:
        for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            refused(target.send(b"a=1", content_type), 415, "unsupported_media_type")
    assert contents() == before


def test_json_that_is_no_object(target: Target) -> None:
    before = contents()

    for value in ([], [1], "x", "", 5, 1.5, True, None):
        response = target.send(value)
        assert response.status_code == 400, (value, response.content)
        assert [field for field, _ in named(response.json())] == [""]
    assert contents() == before


def test_unknown_field_anywhere(target: Target) -> None:
    before = contents()

    response = target.send({"surprise": 1, "message": 2, "code": 3})

    assert response.status_code == 400, response.content
    assert {("surprise", "unknown_field"), ("message", "unknown_field"), ("code", "unknown_field")} <= set(
        named(response.json())
    )
    assert contents() == before


def test_nobody_changes_anything(api: Callable[..., APIClient], target: Target) -> None:
    if "login" in target.url:
        return
    forged = api()
    forged.credentials(HTTP_AUTHORIZATION="Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.")
    strangers = [api(), api(make_user(is_active=False)), forged]
    before = contents()

    for client in strangers:
        assert target.send({}, client=client).status_code == 401
    assert contents() == before


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/reservations/?pickup_code=%00",
        "/api/v1/reservations/?status=confirmed%00",
        "/api/v1/reservations/?%00=1",
        "/api/v1/reservations/?pickup_code=%ff",
        "/api/v1/reservations/?pickup_code=%ed%a0%80",
        "/api/v1/reservations/?cursor=%00",
        "/api/v1/reservations/%00/",
        "/api/v1/reservations/x%00/cancel/",
        "/api/v1/products/%00/",
        "/api/v1/products/?q=%00",
        "/api/v1/pharmacies/%00",
        "/api/v1/events/?entity_id=%00",
        "/%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hostile_url(api: Callable[..., APIClient], url: str, method: str) -> None:
    client = api(make_user(Role.ADMIN))
    before = contents()

    response = client.generic(method, url, "{}", content_type="application/json")

    refused(response, 400, "invalid")
    assert contents() == before


@pytest.mark.parametrize(
    "path", ["reservations/%ff/", "reservations/%ed%a0%80/cancel/", "reservations/..%2f..%2fadmin/", "products/%ff/"]
)
def test_path_that_is_no_text(api: Callable[..., APIClient], path: str) -> None:
    response = api(make_user(Role.ADMIN)).get(f"/api/v1/{path}")

    assert response.status_code in (400, 404)
    assert response.headers["Content-Type"] == PROBLEM


# Whatever nobody thought of

_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
    | st.sampled_from(["rate", "reservation", "mypayga", "077123456", "AM", "3400930000001", str(uuid.UUID(int=1)), 1])
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=10,
)
_FIELDS = (
    "pharmacy lines product quantity reason pickup_code purpose rate reservation provider phone network payment amount "
    "external_reference email password username first_name language bio message code"
).split()
_BODIES = _JSON | st.dictionaries(
    st.sampled_from(_FIELDS),
    _JSON | st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=3), max_size=3),
    max_size=6,
)


def _attempt(strategy: st.SearchStrategy[Any], examples: int, check: Callable[[Any], None]) -> None:
    """So many examples against one and the same world; each leaves behind what it did."""
    hypothesis_settings(max_examples=examples, deadline=None)(given(strategy)(check))()


def _never_breaks(target: Target, examples: int) -> None:
    def check(body: Any) -> None:
        response = target.send(body)
        assert response.status_code < 500, response.content
        assert response.headers["Content-Type"] == (PROBLEM if response.status_code >= 400 else "application/json")

    _attempt(_BODIES, examples, check)


def test_no_json_breaks_anything(target: Target) -> None:
    _never_breaks(target, 20)


@pytest.mark.soak
def test_no_json_breaks_anything_for_long(target: Target) -> None:
    _never_breaks(target, 2000)


def test_no_bytes_break_anything(api: Callable[..., APIClient]) -> None:
    client = api(make_user(Role.ADMIN))

    def check(raw: bytes) -> None:
        response = send(client, RESERVATIONS, raw)
        assert 400 <= response.status_code < 500
        assert response.headers["Content-Type"] == PROBLEM

    _attempt(st.binary(max_size=80), 40, check)
    assert not Reservation.objects.exists()


_PARAMETERS = (
    "limit cursor page status pickup_code action occurred_after entity_id q near radius_km kind town mine".split()
)


def test_no_query_breaks_anything(api: Callable[..., APIClient]) -> None:
    client = api(make_user(Role.ADMIN))
    paths = "reservations payments refunds account/entries rates products pharmacies events".split()
    params = st.dictionaries(
        st.sampled_from(_PARAMETERS),
        _TEXT | st.sampled_from(["1", "confirmed", "2026-01-31T12:00:00Z", "0.39,9.45"]),
        max_size=4,
    )

    def check(drawn: tuple[str, dict[str, str]]) -> None:
        response = client.get(f"/api/v1/{drawn[0]}/", drawn[1])
        assert response.status_code in (200, 400, 404), response.content

    _attempt(st.tuples(st.sampled_from(paths), params), 80, check)
