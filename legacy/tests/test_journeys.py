"""The journeys of the three sites as the requests that they send, one after the other."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import PriceList, User
from accounts.services.verification import verify_ledger
from accounts.tests.factories import PASSWORD, balance, make_user
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.mail.delivery import deliver_due
from legacy.tests.conftest import SITE
from payments.models import CallbackMessage, Payment
from payments.services.callbacks import process
from payments.tests.factories import make_rate
from reservations.models import Reservation

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "Medoc-new-1"


class Browser:
    """One of the old sites: another origin, a token in memory, whatever headers it sends."""

    def __init__(self, *, bearer: str = "") -> None:
        self._client = APIClient()
        self._bearer = bearer

    def ask(self, method: str, path: str, *, status: int = 200, **arguments: Any) -> Any:
        """The body of the answer, which must have that status and tell the origin."""
        headers = {"Origin": SITE, **({"Authorization": f"Bearer {self._bearer}"} if self._bearer else {})}
        # What the client of the tests would take for a host, a server takes for a path.
        where = {"PATH_INFO": path} if path.startswith("//") else {}
        answer = getattr(self._client, method)("/" if where else path, headers=headers, **arguments, **where)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, SITE), answer.content
        return answer.json()

    def post(self, path: str, body: Any, *, status: int = 200) -> Any:
        return self.ask("post", path, status=status, data=body, format="json")

    def put(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.ask("put", path, status=status, data=body, format="json")

    def sign_in(self, email: str, password: str, *, path: str = "/auth/login") -> dict[str, Any]:
        form = {"grant_type": "password", "username": email, "password": password}
        answer = self.ask("post", path, data=form)
        self._bearer = answer["token"]["access_token"]
        return dict(answer["user"])


@pytest.fixture
def shop(db):
    """Two pharmacies, one of which has the medicine; a pack of credits; what a check costs."""
    product = ProductFactory(code="3400935955838", label="DOLIPRANE 1000 mg, comprimé", price=1_200)
    stock = StockFactory(product_code=product.code, price=1_935, quantity=5, pharmacy=PharmacyFactory())
    PharmacyFactory(town="Port-Gentil")
    PriceList.objects.create(label="Vérifier", credits=2)
    make_rate(label="verification", price=500, credits=2)
    return stock


def test_patient_of_the_new_site(shop, gateway, mailoutbox):
    pack = make_rate(label="Famille", price=2_500, credits=30)
    site = Browser(bearer="null")
    assert site.ask("get", "/") == {"msg": "Serveur démarré"}
    registration = {"firstname": "Marie", "lastname": "Exemple", "email": "marie@example.org", "password": PASSWORD}
    site.post("/auth/register", {**registration, "phone": None, "role": "USER"}, status=201)
    user = site.sign_in("Marie@example.org", PASSWORD)

    # Browse and search at every key.
    assert site.ask("get", "//api_epg/all_products/0/500")["pageCount"] == 1
    for typed in ("dol", "doli", "dolip"):
        found = site.ask("get", f"/api_epg/products_by_search/{typed}")
    assert [item["CIP"] for item in found] == [shop.product_code]

    # Verify: the price, who has it, then the site charges by itself.
    price = site.ask("get", "/price_list/get_by_libelle/Vérifier")["credit"]
    account = site.ask("get", f"/account/get_by_user_id/{user['id']}")
    assert (account["credit"], price) == (10, 2)
    answer = site.post("/api_epg/disponibility_product", {"cip": shop.product_code, "pharmacy": ""})
    [pharmacy] = [row["pharmacie"] for row in answer["disponibilites"] if row["isAvailable"]]
    assert site.put(f"/account/spent/{account['id']}?credit={price}")["credit"] == 8

    # Reserve, with a double click.
    order = {
        "pharmacy": pharmacy["id"],
        "buyer": "Marie",
        "buyerPhone": "077123456",
        "buyerEmail": "marie@example.org",
        "produits": [{"cip": shop.product_code, "quantity": 2}],
    }
    numbers = {site.post("/api_epg/reservation", order)["result"]["reservation"] for _ in range(2)}
    assert numbers == {Reservation.objects.get().pickup_code}

    # Buy a rate, poll until the credit grows.
    offered = [rate for rate in site.ask("get", "/rate/all") if rate["libelle"] == "Famille"]
    purchase = {"client_phone": "077123456", "amount": "2500", "lastname": "Marie Exemple", "rate_id": pack.pk}
    started = site.post("/my_pay_ga/subscribe_pricing", {**purchase, "email": "marie@example.org"})
    assert started["request_status"] == "200"
    reference = Payment.objects.get().attempts.get().reference
    gateway.decide(reference)
    raw = gateway.callback(reference)
    answered = APIClient().generic("POST", "/my_pay_ga/callback_url/x", raw, content_type="application/json")
    assert answered.status_code == 200
    process(CallbackMessage.objects.get().pk)
    account = site.ask("get", f"/account/get_by_user_id/{user['id']}")
    assert (account["credit"], account["rate"]["price"], offered[0]["price"]) == (38, 2_500, 2_500)

    # Forget the password, choose another.
    assert site.put("/user/recovery_password/marie@example.org", {}) == {"msg": "Mot de passe réinitialisé"}
    deliver_due()
    [mail] = [mail for mail in mailoutbox if "/#/reset-password" in mail.body]
    token = re.search(r"token=(\S+)", mail.body)[1]
    site.post("/user/reset-password", {"token": token, "new_password": NEW_PASSWORD})
    again = site.post("/user/reset-password", {"token": token, "new_password": NEW_PASSWORD}, status=400)
    assert "utilisé" in again["detail"]
    site.ask("get", "/auth/me", status=401)
    assert site.sign_in("marie@example.org", NEW_PASSWORD)["id"] == user["id"]
    assert verify_ledger().findings == []


def test_patient_of_the_older_site(shop):
    """It never sends its token to look at the account, and takes the price of a check from a rate."""
    site = Browser()
    body = {"lastname": "Ancien", "firstname": "Paul", "email": "paul@example.org", "password": PASSWORD}
    added = site.post("/user/add", {**body, "phone": "077 12 34 57", "role": "USER"}, status=201)
    assert added["phone"] == "+24177123457"
    user = site.sign_in("paul@example.org", PASSWORD)
    names = [rate["libelle"].lower() for rate in site.ask("get", "/rate/all")]
    assert "verification" in names
    shops = site.post("/api_epg/disponibility_product", {"cip": "0000000000000", "pharmacy": ""})["disponibilites"]
    assert {row["pharmacie"]["province"] for row in shops} == {"Estuaire", "Ogooué-Maritime"}
    body = {"cip": shop.product_code, "pharmacy": shop.pharmacy.code}
    assert site.post("/api_epg/disponibility_product", body)["disponibilites"][0]["isAvailable"] is True
    account = site.ask("get", f"/account/get_by_user_id/{user['id']}")
    assert site.put(f"/account/spent/{account['id']}?credit=11", status=404) == {
        "detail": "Ce compte n'a pas assez de crédit"
    }
    site.put(f"/user/update/{user['id']}", {**user, "firstname": "Pierre", "role": "USER"})
    site.put(f"/user/update_password/{user['id']}?new_password={NEW_PASSWORD}")
    assert site.sign_in("paul@example.org", NEW_PASSWORD)["firstname"] == "Pierre"
    assert balance(User.objects.get(email="paul@example.org")) == 10


def test_staff_of_the_back_office_site(shop):
    """It sends the literal `Bearer token` until it has signed in."""
    admin, patient = make_user(Role.ADMIN), make_user(credits=10)
    site = Browser(bearer="token")
    site.ask("get", "/rate/all")
    assert site.sign_in(admin.email, PASSWORD, path="/auth/login_admin")["role"] == "ADMIN"

    rate = site.post("/rate/add", {"libelle": "Pack", "price": "700", "credit": "7"}, status=201)
    site.put(f"/rate/update/{rate['id']}", {**rate, "price": "800"})
    price = site.post("/price_list/add", {"libelle": "Commander les produits", "credit": "3"})
    site.put(f"/price_list/update/{price['id']}", {**price, "credit": 4})
    assert [row["credit"] for row in site.ask("get", "/price_list/all")] == [2, 4]
    site.ask("delete", f"/price_list/delete/{price['id']}", data={"id": price["id"]}, format="json")

    site.post("/user/add", {"lastname": "Nouveau", "email": "n@example.org", "password": "root"}, status=201)
    assert len(site.ask("get", "/user/all")) == 3
    assert len(site.ask("get", "/account/get_by_role_user")) == 2
    [account] = [row for row in site.ask("get", "/account/all") if row["user_id"] == patient.pk]
    for name, is_active in (("disable_account", False), ("enable_account", True)):
        assert site.put(f"/account/{name}/{account['id']}", account)["activate"] is is_active
    assert site.put(f"/account/subscribe_rate/{account['id']}?rate_id={rate['id']}")["credit"] == 17
    site.ask("delete", f"/rate/delete/{rate['id']}", data=rate, format="json")

    history = [row["action"] for row in site.ask("get", "/event/all?limit=1000")]
    assert [name for name in history if "tari" in name or "compte" in name][:6] == [
        "Suppression d'une tarification",
        "Souscription à une tarification",
        "Ré-activation du compte",
        "Désactivation du compte",
        "Création d'un compte",
        "Suppression d'une grille tarifaire",
    ]
    today = site.ask("get", "/event/stat")[0]["date_time"][:10]
    figures = site.ask("get", f"/event/get_by_timer/{today}/{today}")
    assert sum(row["amount"] for row in figures if row["amount"] is not None) == 800
    site.ask("get", "/event/get_by_timer/Invalid%20date/Invalid%20date", status=422)
    assert verify_ledger().findings == []
