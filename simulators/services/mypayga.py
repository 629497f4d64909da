"""MyPayGa, mobile money in Gabon, as far as independent clients show it (no public documentation is known).

Where those clients disagree, or the answer is inferred, there is an option (`POST /control/mypayga/options`).
Inferred here: `verify` answers the callback's fields without `hash`; while the payment is pending its
`order_status` is "202" (neither paid, 200 or 0, nor refused, 300 and more); an unknown token is a refusal.
"""

import hmac
import json
import re
import uuid
from typing import Any, ClassVar
from urllib.parse import urlencode

from ..callbacks import Callback
from ..payments import DECIDE_AFTER, Payment, PaymentService
from ..phones import AIRTEL_PREFIXES, MOOV_PREFIXES, NATIONAL, Outcome, national
from ..service import Option
from ..wire import JSON, Answer, Request, Router, answer_json, is_web_url

API_KEY = re.compile(r"(?:sprod|stest)_\S+")
AMOUNT = re.compile(r"[1-9][0-9]{0,11}")
NETWORKS = {"AM": ("Airtel", "Airtel Money"), "MM": ("Moov", "Moov Money")}
URLS = ("success_url", "callback_url", "fail_url")
HASHED = ("order_status", "unique_id", "amount", "payment_token", "payment_method", "message", "client_phone")
PENDING = ("202", "En attente de confirmation")
REFUSED = "400"
MESSAGES = {
    Outcome.PAID: "Paiement effectué avec succès",
    Outcome.REFUSED: "Paiement refusé par le client",
    Outcome.WRONG_PIN: "Code PIN incorrect",
    Outcome.NO_BALANCE: "Solde insuffisant",
    Outcome.TIMED_OUT: "Délai dépassé",
}


class MyPayGa(PaymentService):
    name = "mypayga"
    title = "MyPayGa"
    base = "/v1"
    routes = Router(
        ("POST", r"/v1/payment", "start"),
        ("GET", r"/v1/verify", "verify"),
        ("GET", r"/v1/network", "network"),
        ("GET", r"/checkout/(?P<token>[^/]+)", "hosted_page"),
        ("POST", r"/checkout/(?P<token>[^/]+)", "hosted_page"),
    )
    option_table: ClassVar[dict[str, Option]] = {
        "decide_after": DECIDE_AFTER,
        "refusal_http_status": Option(200, (200, 400), "HTTP status of a refusal"),
        "request_status_as": Option("text", ("text", "number"), "how request_status 200 is written"),
        "paid_status": Option("200", ("200", 200, "0", 0), "order_status of a payment made"),
        "callback_as": Option("json", ("json", "form", "query"), "POST of JSON, POST of a form, GET with a query"),
        "hash_case": Option("lower", ("lower", "upper"), "case of the callback's hash"),
        "client_phone_in_callback": Option(True, (True, False), "whether the callback names the phone"),
    }

    def start(self, request: Request) -> Answer:
        data = request.data()
        if error := self._first_error(request, data):
            return self._refusal(error)
        token = uuid.uuid4().hex
        payment = Payment(
            reference=data["unique_id"],
            token=token,
            amount=int(data["amount"]),
            phone=data["client_phone"],
            network=data["network"],
            callback_url=data["urls"]["callback_url"],
            success_url=data["urls"]["success_url"],
            error_url=data["urls"]["fail_url"],
            path=request.path,
        )
        self.accept(payment)
        answer = {
            "request_status": 200 if self.options["request_status_as"] == "number" else "200",
            "message": "Demande de paiement envoyée",
            "payment_token": token,
            "transaction": {
                "unique_id": payment.reference,
                "amount": data["amount"],
                "currency": "XAF",
                "network": payment.network,
                "client_phone": payment.phone,
                "status": "pending",
            },
            "checkout_url": f"{request.base_url}/{self.name}/checkout/{token}",
        }
        return answer_json(200, answer, outcome="accepted")

    def verify(self, request: Request) -> Answer:
        if request.query.get("apikey") != self.config.mypayga_api_key:
            return self._refusal("apikey invalide")
        payment = self.by_token.get(request.query.get("payment_token", ""))
        if payment is None:
            return self._refusal("payment_token inconnu")
        return answer_json(200, self._fields(payment), outcome=payment.outcome or "pending")

    def network(self, request: Request) -> Answer:
        query = request.query
        if query.get("apikey") != self.config.mypayga_api_key:
            return self._refusal("apikey invalide")
        if query.get("country") != "GA" or query.get("type") != "mobile_money":
            return self._refusal("country ou type invalide")
        phone = national(query.get("tel_number")) or ""
        code = "AM" if phone.startswith(AIRTEL_PREFIXES) else "MM" if phone.startswith(MOOV_PREFIXES) else None
        if code is None:
            return self._refusal("tel_number: opérateur inconnu")
        network, service = NETWORKS[code]
        found = {"statusRequest": "200", "network": network, "mobile_money_svce": service, "mobile_money_code": code}
        return answer_json(200, found, outcome=code)

    def unauthorised(self) -> Answer:
        return answer_json(401, {"request_status": 401, "message": "apikey expirée"}, outcome="refused: apikey")

    def callback(self, payment: Payment) -> Callback:
        fields = self._fields(payment)
        return self._sealed(payment, fields, self.config.mypayga_callback_secret, "callback")

    def forged_callback(self, payment: Payment) -> Callback:
        paid = {"order_status": "200", "status_request": "200", "message": MESSAGES[Outcome.PAID]}
        return self._sealed(payment, self._fields(payment) | paid, "the stranger's own secret", "forged callback")

    def _first_error(self, request: Request, data: Any) -> str | None:
        """Why a start would be refused, None when it is accepted."""
        if not request.header("Content-Type").startswith(JSON) or not isinstance(data, dict):
            return "un objet JSON est attendu"
        api_key = data.get("apikey")
        if not isinstance(api_key, str) or not API_KEY.fullmatch(api_key) or api_key != self.config.mypayga_api_key:
            return "apikey invalide"
        urls = data.get("urls")
        if not isinstance(urls, dict) or not all(is_web_url(urls.get(name)) for name in URLS):
            return "urls invalides"
        if not matches(AMOUNT, data.get("amount")):
            return "amount invalide"
        if not matches(NATIONAL, data.get("client_phone")):
            return "client_phone invalide"
        if data.get("country") != "GA" or data.get("currency", "XAF") != "XAF":
            return "country ou currency invalide"
        if data.get("network") not in tuple(NETWORKS):
            return "network invalide"
        if data.get("type") != "mobile_money":
            return "type invalide"
        unique_id = data.get("unique_id")
        if not isinstance(unique_id, str) or not unique_id.strip():
            return "unique_id manquant"
        if unique_id in self.payments:
            return "unique_id déjà utilisé"
        return None

    def _refusal(self, message: str) -> Answer:
        status = self.options["refusal_http_status"]
        return answer_json(status, {"request_status": 400, "message": message}, outcome=f"refused: {message}")

    def _fields(self, payment: Payment) -> dict[str, Any]:
        if payment.outcome is None:
            status, message = PENDING
        else:
            status = self.options["paid_status"] if payment.outcome is Outcome.PAID else REFUSED
            message = MESSAGES[payment.outcome]
        fields = {
            "unique_id": payment.reference,
            "order_status": status,
            "status_request": str(status),
            "amount": str(payment.amount),
            "currency": "XAF",
            "payment_token": payment.token,
            "payment_method": payment.network,
            "message": message,
        }
        if self.options["client_phone_in_callback"]:
            fields["client_phone"] = payment.phone
        return fields

    def _sealed(self, payment: Payment, fields: dict[str, Any], secret: str, note: str) -> Callback:
        seal = callback_hash(fields, secret)
        message = fields | {"hash": seal.upper() if self.options["hash_case"] == "upper" else seal}
        match self.options["callback_as"]:
            case "form":
                form = "application/x-www-form-urlencoded"
                return Callback(payment.callback_url, urlencode(message).encode(), content_type=form, note=note)
            case "query":
                joint = "&" if "?" in payment.callback_url else "?"
                return Callback(payment.callback_url + joint + urlencode(message), method="GET", note=note)
            case _:
                return Callback(payment.callback_url, json.dumps(message, ensure_ascii=False).encode(), note=note)


def callback_hash(fields: dict[str, Any], secret: str) -> str:
    """The callback's `hash`: HMAC-SHA512 in hex over the bare concatenation of the hashed fields."""
    text = "".join(str(fields.get(name, "")) for name in HASHED)
    return hmac.digest(secret.encode(), text.encode(), "sha512").hex()


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
