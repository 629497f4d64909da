"""The main job over HTTP, as a patient's phone and a pharmacist's browser would do it.

Every step prints the call, its answer and what changed; the first difference from what must be raises `Difference`.
"""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import requests

from backoffice.demo import people

Print = Callable[[str], None]

NEAR_MBOLO = "0.4030,9.4420"
MISSPELT = "dolipranne"
BOXES = 2
PAID_WITHIN_SECONDS = 30
ANSWER_WIDTH = 150
GATEWAYS = {"mypayga": "MyPayGa", "singpay": "SingPay"}


class Difference(Exception):
    """Something is not as it must be."""


def expect(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise Difference(f"{what} : attendu {expected!r}, obtenu {actual!r}")


class Client:
    """One person's HTTP client that prints what it does."""

    def __init__(self, base_url: str, echo: Print) -> None:
        self._base_url, self._echo = base_url, echo
        self._session = requests.Session()
        self._session.trust_env = False

    def sign_in(self, email: str, password: str) -> None:
        answer = self.call("POST", "/auth/login", {"email": email, "password": password}, quiet=True)
        self._session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self._echo(f"    connecté : {answer['user']['full_name']} ({answer['user']['role']})")

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params=params)

    def look(self, path: str, **params: Any) -> Any:
        """A GET that is not part of the story: only its effect on the balance sheet is printed."""
        response = self._request("GET", path, None, None, params)
        expect(response.status_code, 200, f"GET {path} {response.text[:300]}")
        return response.json()

    def post(self, path: str, body: Any = None, *, key: str | None = None, status: int = 200) -> Any:
        return self.call("POST", path, body, key=key, status=status)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: dict[str, Any] | None = None,
        key: str | None = None,
        status: int = 200,
        quiet: bool = False,
    ) -> Any:
        response = self._request(method, path, body, key, params)
        shown = response.request.path_url
        self._echo(f"    {method} {shown}" + (f"  {_short(body)}" if body and not quiet else ""))
        replayed = "  (rejouée : Idempotent-Replayed)" if response.headers.get("Idempotent-Replayed") else ""
        self._echo(f"      → {response.status_code}{replayed}  {'' if quiet else _short(response.json())}")
        expect(response.status_code, status, f"{method} {path} {response.text[:300]}")
        return response.json()

    def _request(
        self, method: str, path: str, body: Any, key: str | None, params: dict[str, Any] | None
    ) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self._session.request(
            method, f"{self._base_url}/api/v1{path}", json=body, params=params, headers=headers, timeout=30
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= ANSWER_WIDTH else text[: ANSWER_WIDTH - 1] + "…"


class Journey:
    """Sign in, search, see who has it, reserve, pay, collect; then buy a pack of credits."""

    def __init__(self, base_url: str, simulators_url: str, password: str, echo: Print) -> None:
        self._echo, self._password, self._simulators_url = echo, password, simulators_url
        self._patient, self._pharmacist, self._staff = (Client(base_url, echo) for _ in range(3))
        self._last_event = 0

    def walk(self) -> None:
        self._sign_in()
        product = self._search()
        pharmacy = self._availability(product)
        before = self._books(product, pharmacy)
        reservation = self._reserve(product, pharmacy, before)
        self._pay(reservation)
        self._collect(reservation)
        after = self._books(product, pharmacy)
        expect(after["credits"], before["credits"] - reservation["credits_charged"], "crédits après la réservation")
        expect(after["stock"], before["stock"] - BOXES, "stock après le retrait")
        self._buy_rate(
            "singpay", "062 00 00 01", "Elle achète un forfait de crédits par Moov Money : SingPay l'appelle"
        )
        self._buy_rate("singpay", "", "Elle en achète un autre sur la page de SingPay, sans donner de numéro")
        self._reserve_at_epg(product)

    def _sign_in(self) -> None:
        self._title("La patiente se connecte ; le pharmacien et l'équipe aussi, chacun chez soi")
        self._patient.sign_in(people.PATIENT.email, self._password)
        self._pharmacist.sign_in(people.PHARMACIST.email, self._password)
        self._staff.sign_in(people.STAFF.email, self._password)
        self._last_event = self._newest_event()

    def _search(self) -> str:
        self._title(f"Elle cherche « {MISSPELT} », mal écrit")
        found = self._patient.get("/products/", q=MISSPELT, limit=5)
        expect(found["meta"]["corrected"], "doliprane", "mot corrigé")
        product: dict[str, Any] = found["results"][0]
        self._echo(f"    corrigé en « {found['meta']['corrected']} » : {product['label']}")
        return str(product["code"])

    def _availability(self, product: str) -> str:
        self._title("Qui l'a, près d'elle, et à quel prix ?")
        mine = self._pharmacist.look("/pharmacies/", mine="true")["results"][0]["code"]
        offers = self._patient.get(f"/products/{product}/availability/", near=NEAR_MBOLO)["results"]
        for offer in offers[:5]:
            self._echo(
                f"    {offer['pharmacy']['name']} · {offer['quantity'] or 'des'} boîtes"
                f" · {offer['price']} {offer['currency']} · à {offer['distance_km']} km"
            )
        chosen = [offer for offer in offers if offer["pharmacy"]["code"] == mine]
        expect(len(chosen), 1, f"offre de la pharmacie {mine}")
        self._echo(f"    elle choisit {chosen[0]['pharmacy']['name']}")
        return str(mine)

    def _reserve(self, product: str, pharmacy: str, before: dict[str, Any]) -> dict[str, Any]:
        self._title(f"Elle réserve {BOXES} boîtes ; la réponse se perd, son téléphone répète la même requête")
        key = uuid.uuid4().hex
        body = {"pharmacy": pharmacy, "lines": [{"product": product, "quantity": BOXES}]}
        reservation: dict[str, Any] = self._patient.post("/reservations/", body, key=key, status=201)
        again = self._patient.post("/reservations/", body, key=key, status=201)
        expect(again["id"], reservation["id"], "réservation rejouée")
        expect(reservation["status"], "confirmed", "état de la réservation")
        books = self._books(product, pharmacy)
        expect(books["stock"], before["stock"] - BOXES, "stock disponible après la réservation")
        expect(books["credits"], before["credits"] - reservation["credits_charged"], "crédits après la réservation")
        self._changed("reservation.confirmed", "credits.spend")
        return reservation

    def _pay(self, reservation: dict[str, Any]) -> None:
        self._title("Elle paie par Airtel Money : MyPayGa lui demande son code PIN")
        payment = self._start_payment("mypayga", {"purpose": "reservation", "reservation": reservation["id"]})
        expect(payment["amount"], reservation["total"], "montant demandé")
        paid = self._patient.get(f"/reservations/{reservation['id']}/")
        expect((paid["payment_status"], paid["status"]), ("paid", "confirmed"), "réservation payée")
        self._changed("payment.created", "payment.succeeded", "callback.received", "reservation.paid")

    def _start_payment(self, provider: str, purpose: dict[str, Any], phone: str = "077 00 00 01") -> dict[str, Any]:
        body = {**purpose, "provider": provider} | ({"phone": phone} if phone else {})
        payment: dict[str, Any] = self._patient.post("/payments/", body, key=uuid.uuid4().hex, status=202)
        if not phone:
            payment = self._wait_while(payment, "created", "submitting")
            self._pay_on_page(payment)
        payment = self._wait_while(payment, "created", "submitting", "pending", "unknown")
        self._patient.get(f"/payments/{payment['id']}/")
        expect(payment["status"], "succeeded", "état du paiement")
        self._check_gateway(payment)
        return payment

    def _wait_while(self, payment: dict[str, Any], *statuses: str) -> dict[str, Any]:
        deadline = time.monotonic() + PAID_WITHIN_SECONDS
        while payment["status"] in statuses and time.monotonic() < deadline:
            time.sleep(0.2)
            payment = self._patient.look(f"/payments/{payment['id']}/")
        return payment

    def _pay_on_page(self, payment: dict[str, Any]) -> None:
        """What she does in her browser."""
        expect(payment["status"], "pending", "page de paiement")
        page = requests.post(
            payment["checkout_url"], data={"decision": "pays"}, allow_redirects=False, timeout=PAID_WITHIN_SECONDS
        )
        expect(page.status_code, 303, "paiement sur la page de SingPay")
        self._echo(f"    elle paie sur {payment['checkout_url']}")

    def _check_gateway(self, payment: dict[str, Any]) -> None:
        """What the gateway says it took is the truth to agree with."""
        name = payment["provider"]
        taken = requests.get(f"{self._simulators_url}/control/{name}/payments", timeout=10).json()["payments"]
        newest = max(taken, key=lambda row: row["accepted_at"])
        expect((newest["amount"], newest["times_charged"]), (payment["amount"], 1), f"prélèvement chez {name}")
        self._echo(f"    {GATEWAYS[name]} a prélevé {newest['amount']} {newest['currency']}, une fois")

    def _collect(self, reservation: dict[str, Any]) -> None:
        self._title(f"Au comptoir, elle montre son numéro de retrait {reservation['pickup_code']}")
        found = self._pharmacist.get("/reservations/", pickup_code=reservation["pickup_code"])["results"]
        expect([row["id"] for row in found], [reservation["id"]], "réservation trouvée au comptoir")
        path = f"/reservations/{reservation['id']}"
        self._pharmacist.post(f"{path}/ready/", {})
        collected = self._pharmacist.post(f"{path}/collect/", {"pickup_code": reservation["pickup_code"]})
        expect(collected["status"], "collected", "état de la réservation")
        self._changed("reservation.ready", "reservation.collected")

    def _buy_rate(self, gateway: str, phone: str, title: str) -> None:
        self._title(title)
        rate = self._patient.get("/rates/")["results"][0]
        before = self._credits()
        payment = self._start_payment(gateway, {"purpose": "rate", "rate": rate["id"]}, phone)
        expect(payment["amount"], rate["price"], "montant du forfait")
        expect(self._credits(), before + rate["credits"], "crédits après le forfait")
        self._echo(f"    crédits : {before} → {before + rate['credits']}")
        entry = self._patient.get("/account/entries/", limit=1)["results"][0]
        expect((entry["amount"], entry["balance_after"]), (rate["credits"], self._credits()), "relevé du compte")
        self._changed("payment.created", "payment.succeeded", "credits.rate")

    def _reserve_at_epg(self, product: str) -> None:
        self._title("Une autre pharmacie est reliée à EPG : c'est son propre logiciel qui réserve")
        offers = self._patient.get(f"/products/{product}/availability/", near=NEAR_MBOLO)["results"]
        chosen = next((offer for offer in offers if offer["source"] == "epg"), None)
        if chosen is None:
            raise Difference("offre d'une pharmacie reliée à EPG : aucune")
        self._echo(f"    elle choisit {chosen['pharmacy']['name']}, qui en a (EPG ne dit pas combien)")
        body = {"pharmacy": chosen["pharmacy"]["code"], "lines": [{"product": product, "quantity": BOXES}]}
        key = uuid.uuid4().hex
        reservation: dict[str, Any] = self._patient.post("/reservations/", body, key=key, status=202)
        again = self._patient.post("/reservations/", body, key=key, status=202)
        expect(again["id"], reservation["id"], "réservation rejouée")
        confirmed = self._patient.get(f"/reservations/{reservation['id']}/")
        expect(confirmed["status"], "confirmed", "état de la réservation")
        made = requests.get(f"{self._simulators_url}/control/epg/reservations", timeout=10).json()["reservations"]
        there = [(row["reservation"], row["ttc"]) for row in made]
        expect(there, [(confirmed["pharmacy_reference"], confirmed["total"])], "réservations chez EPG")
        self._echo(f"    EPG l'a réservée une fois, sous le numéro {confirmed['pharmacy_reference']}")
        self._changed("reservation.requested", "epg_request.confirmed", "reservation.confirmed")

    def _books(self, product: str, pharmacy: str) -> dict[str, Any]:
        offers = self._patient.look(f"/products/{product}/availability/", limit=100)["results"]
        stock = sum(offer["quantity"] for offer in offers if offer["pharmacy"]["code"] == pharmacy)
        books = {"credits": self._credits(), "stock": stock}
        self._echo(f"    crédits {books['credits']} · stock disponible {books['stock']}")
        return books

    def _credits(self) -> int:
        return int(self._patient.look("/account/")["credits"])

    def _newest_event(self) -> int:
        return int(self._staff.look("/events/", limit=1)["results"][0]["id"])

    def _changed(self, *actions: str) -> None:
        """Print the events since the last step and require that these are among them, each once."""
        events = self._staff.look("/events/", limit=100)["results"]
        new = [event["action"] for event in reversed(events) if event["id"] > self._last_event]
        self._last_event = max(event["id"] for event in events)
        self._echo(f"    événements : {', '.join(new)}")
        for action in actions:
            expect(new.count(action), 1, f"événement {action}")

    def _title(self, text: str) -> None:
        self._echo(f"\n● {text}")
