"""Every row of the contract in one table: who is answered what, and the fields of a success."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import resolve
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import PriceList, Rate, User
from accounts.tests.factories import PASSWORD, make_user
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from legacy import urls
from legacy.tests.conftest import NOT_ALLOWED, OLD_ACCOUNT, OLD_EVENT, OLD_PRICE_LIST, OLD_RATE, OLD_USER
from payments.tests.factories import make_rate

pytestmark = pytest.mark.django_db

ANYONE = (True, True, True, True)
SIGNED_IN = (False, True, True, True)
OWNER = (False, False, True, True)
STAFF = (False, False, False, True)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    patient: User
    rate: Rate
    price: PriceList

    @property
    def names(self) -> dict[str, object]:
        return {
            "patient": self.patient.pk,
            "email": self.patient.email,
            "account": self.patient.account.pk,
            "rate": self.rate.pk,
            "price": self.price.pk,
            "new": f"new{next(_numbers)}@example.org",
            "password": PASSWORD,
        }


@dataclass(frozen=True)
class Row:
    """`who` may: nobody, a stranger, the patient it is about, an administrator. `fields` are those of the answer, or of
    the first of its list."""

    request: str
    who: tuple[bool, ...]
    status: int
    fields: list[str]
    body: dict[str, Any] | None = None
    form: bool = False


_PRODUCT = ["id", "name", "description", "price", "stock", "category", "pharmacy", "cip"]
_FORM = {"username": "{email}", "password": "{password}", "grant_type": "password"}
_PERSON = {
    "firstname": "P",
    "lastname": "N",
    "email": "{new}",
    "password": "Medoc-new-1",
    "phone": None,
    "role": "USER",
}
ROWS = [
    Row("GET /", ANYONE, 200, ["msg"]),
    Row("POST /auth/login", ANYONE, 200, ["token", "user"], _FORM, form=True),
    Row("POST /auth/login_admin", ANYONE, 401, ["detail"], _FORM, form=True),
    Row("POST /auth/register", ANYONE, 201, ["token", "user"], _PERSON),
    Row("GET /auth/me", SIGNED_IN, 200, OLD_USER),
    Row("POST /auth/logout", SIGNED_IN, 200, ["msg"]),
    Row("GET /user/all", STAFF, 200, OLD_USER),
    Row("POST /user/add", ANYONE, 201, OLD_USER, _PERSON),
    Row("PUT /user/update/{patient}", OWNER, 200, ["msg"], {"firstname": "Autre"}),
    Row("PUT /user/update_password/{patient}?new_password=Medoc-new-2", OWNER, 200, ["msg"]),
    Row("PUT /user/recovery_password/{email}", ANYONE, 200, ["msg"], {}),
    Row("POST /user/recovery_password/{email}", ANYONE, 200, ["msg"], {}),
    Row("POST /user/reset-password", ANYONE, 400, ["detail"], {"token": "x", "new_password": "Medoc-new-3"}),
    Row("DELETE /user/delete/{patient}", STAFF, 200, ["msg"], {}),
    Row("GET /account/all", STAFF, 200, OLD_ACCOUNT),
    Row("GET /account/get_by_role_admin", STAFF, 200, OLD_ACCOUNT),
    Row("GET /account/get_by_role_user", STAFF, 200, OLD_ACCOUNT),
    Row("GET /account/get_by_user_id/{patient}", OWNER, 200, OLD_ACCOUNT),
    Row("PUT /account/spent/{account}?credit=2", OWNER, 200, OLD_ACCOUNT),
    Row("PUT /account/subscribe_rate/{account}?rate_id={rate}", STAFF, 200, OLD_ACCOUNT),
    Row("PUT /account/disable_account/{account}", STAFF, 200, OLD_ACCOUNT, {}),
    Row("PUT /account/enable_account/{account}", STAFF, 200, OLD_ACCOUNT, {}),
    Row("GET /rate/all", ANYONE, 200, OLD_RATE),
    Row("POST /rate/add", STAFF, 201, OLD_RATE, {"libelle": "Dix", "price": "700", "credit": 7}),
    Row("PUT /rate/update/{rate}", STAFF, 200, ["msg"], {"id": 1, "libelle": "Onze", "price": 800, "credit": "8"}),
    Row("DELETE /rate/delete/{rate}", STAFF, 200, ["msg"]),
    Row("GET /price_list/all", ANYONE, 200, OLD_PRICE_LIST),
    Row("GET /price_list/get_by_libelle/Vérifier", ANYONE, 200, OLD_PRICE_LIST),
    Row("POST /price_list/add", STAFF, 200, OLD_PRICE_LIST, {"libelle": "Commander", "credit": 3}),
    Row("PUT /price_list/update/{price}", STAFF, 200, ["msg"], {"libelle": "Vérifier", "credit": 4}),
    Row("DELETE /price_list/delete/{price}", STAFF, 200, ["msg"]),
    Row("GET /event/all?limit=1000", STAFF, 200, OLD_EVENT),
    Row("GET /event/get_by_timer/2020-01-01/2099-12-31", STAFF, 200, OLD_EVENT),
    Row("GET /event/stat", STAFF, 200, OLD_EVENT),
    Row("GET /api_epg/all_products/0/500", ANYONE, 200, ["items", "pageCount"]),
    Row("GET /api_epg/all_products", ANYONE, 200, _PRODUCT),
    Row(
        "POST /api_epg/products",
        STAFF,
        201,
        _PRODUCT,
        {
            "name": "CREME",
            "description": "",
            "price": 100,
            "stock": 1,
            "category": "",
            "pharmacy": "PORT",
            "cip": "C-1",
        },
    ),
    Row("GET /api_epg/products_by_search/dol", ANYONE, 200, ["CIP", "libelle", "prix_vente", "photoURL"]),
    Row(
        "GET /api_epg/produits/recherche_par_libelle/dol",
        ANYONE,
        200,
        ["id", "libelle", "cip", "prix_de_vente", "photo", "qte"],
    ),
    Row(
        "POST /api_epg/disponibility_product",
        ANYONE,
        200,
        ["disponibilites"],
        {"cip": "3400935955838", "pharmacy": ""},
    ),
    Row(
        "POST /api_epg/reservation",
        SIGNED_IN,
        200,
        ["result"],
        {"pharmacy": "PORT", "buyer": "x", "produits": [{"cip": "3400935955838", "quantity": 1}]},
    ),
    Row(
        "POST /my_pay_ga/subscribe_pricing",
        SIGNED_IN,
        400,
        ["fail_url", "message"],
        {"client_phone": "1", "rate_id": "{rate}"},
    ),
    Row("POST /my_pay_ga/callback_url", ANYONE, 200, ["message", "request_status"], {"request_status": "200"}),
    Row("GET /my_pay_ga/success_url", ANYONE, 200, ["message", "request_status"]),
    Row("POST /my_pay_ga/success_url", ANYONE, 200, ["message", "request_status"], {"request_status": "200"}),
    Row("GET /my_pay_ga/fail_url", ANYONE, 200, ["message", "request_status"]),
    Row("GET /sing_pay_api/url_success/token/{rate}", ANYONE, 307, []),
    Row("GET /sing_pay_api/url_success_by_user_id/{patient}/{rate}", ANYONE, 307, []),
]


@pytest.fixture
def world() -> World:
    patient = make_user(credits=100, first_name="Marie", last_name="Exemple")
    product = ProductFactory(code="3400935955838", label="DOLIPRANE 1000 mg")
    StockFactory(product_code=product.code, pharmacy=PharmacyFactory(code="PORT"), quantity=50)
    return World(patient, make_rate(price=1_000, credits=12), PriceList.objects.create(label="Vérifier", credits=2))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.request)
def test_row_of_the_contract(row: Row, world: World, api: Callable[..., APIClient]) -> None:
    method, path = row.request.split(" ", 1)
    callers = (None, make_user(), world.patient, make_user(Role.ADMIN))
    clients = [api(caller) for caller in callers]
    for client, may in zip(clients, row.who, strict=True):
        names = world.names
        body = {key: text.format(**names) if isinstance(text, str) else text for key, text in (row.body or {}).items()}
        answer = client.generic(
            method, path.format(**names), *(_form(body) if row.form else _json(client, body, row.body is None))
        )
        if not may:
            expected = (401, {"detail": "Not authenticated"}) if client is clients[0] else (403, NOT_ALLOWED)
            assert (answer.status_code, answer.json()) == expected, row.request
            continue
        assert answer.status_code == row.status, answer.content
        assert answer.headers["Deprecation"].startswith("@")
        if row.fields:
            said = answer.json()
            first = said[0] if isinstance(said, list) else said
            assert [name for name in row.fields if name not in first] == [], first
        assert b"password" not in answer.content.replace(b"reset-password", b"")
        if method == "DELETE":
            break


def _json(client: APIClient, body: dict[str, Any], is_empty: bool) -> tuple[Any, str]:
    return ("", "application/json") if is_empty else client._encode_data(body, format="json")


def _form(body: dict[str, Any]) -> tuple[str, str]:
    return "&".join(f"{name}={text}" for name, text in body.items()), "application/x-www-form-urlencoded"


def test_every_route_has_its_row() -> None:
    names = dict.fromkeys(("patient", "email", "account", "rate", "price"), "1")
    asked = {
        (method, resolve(path.format(**names).split("?")[0]).func.view_class)  # type: ignore[attr-defined]
        for method, path in (row.request.split(" ", 1) for row in ROWS)
    }
    served = {
        (method.upper(), pattern.callback.view_class)  # type: ignore[attr-defined]
        for pattern in urls.urlpatterns
        for method in pattern.callback.view_class.who  # type: ignore[attr-defined]
    }
    assert {(method, view.__name__) for method, view in served - asked} == set()
