"""The other end of the line: the control API of a simulated gateway, and callbacks as MyPayGa signs them."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings

FORM = "application/x-www-form-urlencoded"


class Gateway:
    """The truth about money, as the gateway's own books have it."""

    def __init__(self, simulators: Any, name: str = "mypayga") -> None:
        self.name, self.service = name, simulators.services[name]
        self._url = f"{simulators.url}/control/{name}"
        self._session = requests.Session()
        self._session.trust_env = False

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self._url}{path}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()

    def set(self, **options: Any) -> None:
        self._call("POST", "/options", options)

    def fault(self, fault: str, path: str = "/payment", **arguments: Any) -> None:
        """Switch a fault on, for calls of that path (without the version)."""
        self._call("POST", "/faults", {"fault": fault, "path": path, **arguments})

    def heal(self) -> None:
        self._call("DELETE", "/faults")

    def phone(self, national: str, behaviour: str, **arguments: Any) -> None:
        self._call("POST", f"/phones/{national}", {"behaviour": behaviour, **arguments})

    def payments(self) -> list[dict[str, Any]]:
        """What it accepted, oldest first; `times_charged` is how often the customer's money was taken."""
        return self._call("GET", "/payments")["payments"]

    def payment(self, reference: str) -> dict[str, Any]:
        return next(row for row in self.payments() if row["reference"] == reference)

    def decide(self, reference: str, outcome: str = "paid") -> dict[str, Any]:
        """What the customer did, or what came late; the answer is the row as `payments` has it."""
        return self._call("POST", f"/payments/{reference}", {"outcome": outcome})

    def redeliver(self, reference: str, times: int = 1) -> None:
        self._call("POST", f"/redeliver/{reference}", {"times": times})

    def journal(self) -> dict[str, Any]:
        return self._call("GET", "/journal")

    def calls(self, path: str) -> list[dict[str, Any]]:
        """Every call of `payment`, `verify`, `74/paiement` … that reached it."""
        return [call for call in self.journal()["calls"] if call["path"] == f"/v1/{path}"]

    def says(self, **fields: Any) -> None:
        """Have its answers about payments, and its callbacks, carry these values whatever happened."""
        told = "_fields" if self.name == "mypayga" else "_transaction"
        truth = getattr(type(self.service), told)
        setattr(self.service, told, lambda payment: truth(self.service, payment) | fields)

    def callback(self, reference: str) -> bytes:
        """The body of its callback about a payment as it stands, as it goes over the wire."""
        return self.service.callback(self.service.payments[reference]).body


def callback(paid: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The signed fields of a callback about a payment as `Gateway.payments` shows it; None leaves a field out."""
    fields = {
        "unique_id": paid["reference"],
        "order_status": "200",
        "status_request": "200",
        "amount": str(paid["amount"]),
        "currency": "XAF",
        "payment_token": paid["token"],
        "payment_method": paid["network"],
        "message": "Paiement effectué avec succès",
        "client_phone": paid["phone"],
        **changes,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    return fields if "hash" in changes else {**fields, "hash": sign(fields)}


def sign(fields: dict[str, Any], secret: str | None = None) -> str:
    """HMAC-SHA512 in hex, as external documentation has it; written again here, not taken from the code under test."""
    text = (
        f"{fields.get('order_status', '')}{fields.get('unique_id', '')}{fields.get('amount', '')}"
        f"{fields.get('payment_token', '')}{fields.get('payment_method', '')}{fields.get('message', '')}"
        f"{fields.get('client_phone', '')}"
    )
    key = settings.MYPAYGA_CALLBACK_SECRET if secret is None else secret
    return hmac.new(key.encode(), text.encode(), hashlib.sha512).hexdigest()


def callback_path(provider: str = "mypayga", secret: str | None = None) -> str:
    return f"/api/v1/payments/callbacks/{provider}/{settings.PAYMENTS_CALLBACK_TOKEN if secret is None else secret}/"


def deliver(client: Any, fields: dict[str, Any] | bytes, *, content_type: str = "application/json") -> Any:
    """POST a callback through the real view: a dict in the given type, bytes as they are."""
    if isinstance(fields, bytes):
        body = fields
    elif content_type.lower().startswith(FORM):
        body = urlencode(fields).encode()
    else:
        body = json.dumps(fields).encode()
    return client.generic("POST", callback_path(), body, content_type=content_type)
