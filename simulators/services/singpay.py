"""SingPay, mobile money in Gabon: USSD push to Airtel (74) and Moov (62) phones, and a hosted page.

Known from working clients: the headers, the envelope, that a business refusal is HTTP 200 with
`status.success` false, that a reference is good for one payment for ever, that the callback belongs to the wallet
and is not signed. Inferred: a missing key is 401, a wrong one 403; an unknown transaction is 404 (or an empty
list); a push is "Start" in its answer and "Partenaire" while the payer has the prompt.
"""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ..callbacks import Callback, Scheduler
from ..config import SimulatorConfig
from ..payments import DECIDE_AFTER, Payment, PaymentService
from ..phones import Outcome, national
from ..service import Option
from ..wire import JSON, Answer, Request, Router, answer_json, is_web_url

OPERATORS = {"74": "Airtel", "62": "Moov"}
RESULTS = {
    Outcome.PAID: "Success",
    Outcome.REFUSED: "Error",
    Outcome.WRONG_PIN: "PasswordError",
    Outcome.NO_BALANCE: "BalanceError",
    Outcome.TIMED_OUT: "TimeOutError",
}
MESSAGES = {
    Outcome.PAID: "Transaction effectuée avec succès",
    Outcome.REFUSED: "Transaction refusée",
    Outcome.WRONG_PIN: "Code PIN incorrect",
    Outcome.NO_BALANCE: "Solde insuffisant",
    Outcome.TIMED_OUT: "Délai dépassé",
}
WHOLE = re.compile(r"[1-9][0-9]{0,11}")
HOSTED = "hosted"
LINK_LIFE = timedelta(minutes=30)
SHAPES = ("bare", "wrapped", "list")


class SingPay(PaymentService):
    name = "singpay"
    title = "SingPay"
    base = "/v1"
    routes = Router(
        ("POST", r"/v1/ext", "start_hosted"),
        ("POST", r"/v1/(?P<operator>74|62)/paiement", "start_push"),
        ("GET", r"/v1/transaction/api/status/(?P<token>[^/]+)", "status"),
        ("GET", r"/v1/transaction/api/search/by-reference/(?P<reference>[^/]+)", "search"),
        ("PUT", r"/v1/portefeuille/api/(?P<wallet>[^/]+)", "set_wallet"),
        ("GET", r"/page/(?P<token>[^/]+)", "hosted_page"),
        ("POST", r"/page/(?P<token>[^/]+)", "hosted_page"),
    )
    option_table: ClassVar[dict[str, Option]] = {
        "decide_after": DECIDE_AFTER,
        "search_shape": Option("bare", SHAPES, "what the search by reference answers; also by ?shape= in the call"),
        "wallet_active": Option(True, (True, False), "an inactive wallet answers 401"),
    }

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.callback_url = ""

    def start_hosted(self, request: Request) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        data = sent(request)
        if error := self._first_error(data, "redirect_success", "redirect_error"):
            return self._refusal(error)
        payment = self._payment(data, request, network=HOSTED)
        self.accept(payment, waits_for_page=True)
        link = f"{request.base_url}/{self.name}/page/{payment.token}"
        return answer_json(200, {"link": link, "exp": stamp(datetime.now(UTC) + LINK_LIFE)}, outcome="accepted")

    def start_push(self, request: Request, operator: str) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        data = sent(request)
        if error := self._first_error(data):
            return self._refusal(error)
        phone = national(data.get("client_msisdn"))
        if phone is None:
            return self._refusal("client_msisdn invalide")
        payment = self._payment(data, request, network=OPERATORS[operator], phone=phone)
        self.accept(payment)
        envelope = self._envelope(payment) | {"status": status_block("Transaction initiée")}
        envelope["transaction"]["status"] = "Start"
        return answer_json(200, envelope, outcome="accepted")

    def status(self, request: Request, token: str) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        payment = self.by_token.get(token)
        if payment is None:
            return self._unknown()
        return answer_json(200, self._envelope(payment), outcome=payment.outcome or "pending")

    def search(self, request: Request, reference: str) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        payment = self.payments.get(reference)
        shape = request.query.get("shape", self.options["search_shape"])
        found = [self._transaction(payment)] if payment else []
        if shape == "list":
            return answer_json(200, found, outcome=f"{len(found)} found")
        if payment is None:
            return self._unknown()
        return answer_json(
            200, {"transaction": found[0]} if shape == "wrapped" else found[0], outcome=payment.outcome or "pending"
        )

    def set_wallet(self, request: Request, wallet: str) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        if wallet != self.config.singpay_wallet:
            return answer_json(404, {"message": "Portefeuille inconnu"}, outcome="refused: wallet")
        data = sent(request)
        if not isinstance(data, dict) or not is_web_url(data.get("callbackURL")):
            return self._refusal("callbackURL invalide")
        self.callback_url = data["callbackURL"]
        return answer_json(200, self._wallet() | {"callbackURL": self.callback_url}, outcome="callbackURL set")

    def unauthorised(self) -> Answer:
        return answer_json(401, {"message": "Unauthorized"}, outcome="refused: key")

    def callback(self, payment: Payment) -> Callback | None:
        if not self.callback_url:
            return None
        return Callback(self.callback_url, json.dumps(self._envelope(payment), ensure_ascii=False).encode())

    def forged_callback(self, payment: Payment) -> Callback:
        envelope = {
            "transaction": self._transaction(payment)
            | {"status": "Terminate", "result": "Success", "amount": str(payment.amount * 10)},
            "status": status_block(MESSAGES[Outcome.PAID], result_code="Success"),
        }
        return Callback(self.callback_url, json.dumps(envelope).encode(), note="forged callback")

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.callback_url = ""

    def _stranger(self, request: Request) -> Answer | None:
        """The refusal of a call with missing or wrong keys, or for a wallet that is not in use."""
        keys = (request.header("x-client-id"), request.header("x-client-secret"), request.header("x-wallet"))
        if not all(keys):
            return self.unauthorised()
        if keys[:2] != (self.config.singpay_client_id, self.config.singpay_client_secret):
            return answer_json(403, {"message": "Forbidden"}, outcome="refused: key")
        if keys[2] != self.config.singpay_wallet or not self.options["wallet_active"]:
            return answer_json(401, {"message": "Portefeuille inactif"}, outcome="refused: wallet")
        return None

    def _first_error(self, data: Any, *urls: str) -> str | None:
        """Why a start would be refused, None when it is accepted."""
        if not isinstance(data, dict):
            return "un objet JSON est attendu"
        if data.get("portefeuille") != self.config.singpay_wallet:
            return "portefeuille invalide"
        amount = data.get("amount")
        if isinstance(amount, bool) or not isinstance(amount, int | str) or not WHOLE.fullmatch(str(amount)):
            return "amount invalide"
        reference = data.get("reference")
        if not isinstance(reference, str) or not reference.strip():
            return "reference manquante"
        if reference in self.payments:
            return "reference déjà utilisée"
        if not all(is_web_url(data.get(name)) for name in urls):
            return "redirect_success ou redirect_error invalide"
        return None

    def _payment(self, data: dict[str, Any], request: Request, *, network: str, phone: str = "") -> Payment:
        return Payment(
            reference=data["reference"],
            token=uuid.uuid4().hex[:24],
            amount=int(data["amount"]),
            phone=phone,
            network=network,
            callback_url="",
            success_url=data.get("redirect_success", ""),
            error_url=data.get("redirect_error", ""),
            path=request.path,
        )

    def _wallet(self) -> dict[str, Any]:
        return {"_id": self.config.singpay_wallet, "id": self.config.singpay_wallet}

    def _transaction(self, payment: Payment) -> dict[str, Any]:
        """The transaction as it stands; `result` is there only at the end."""
        pending = "Start" if payment.network == HOSTED else "Partenaire"
        paid = payment.outcome is Outcome.PAID
        return {
            "id": payment.token,
            "_id": payment.token,
            "status": "Terminate" if payment.outcome else pending,
            "result": RESULTS[payment.outcome] if payment.outcome else None,
            "reference": payment.reference,
            "amount": str(payment.amount),
            "client_msisdn": payment.phone,
            "airtel_money_id": f"MP{payment.token[:10].upper()}" if paid and payment.network == "Airtel" else None,
            "created_at": stamp(payment.accepted_at),
            "updated_at": stamp(payment.decided_at or payment.accepted_at),
            "portefeuille": self._wallet(),
        }

    def _envelope(self, payment: Payment) -> dict[str, Any]:
        message = MESSAGES[payment.outcome] if payment.outcome else None
        result_code = RESULTS[payment.outcome] if payment.outcome else None
        return {"transaction": self._transaction(payment), "status": status_block(message, result_code=result_code)}

    def _refusal(self, message: str) -> Answer:
        refused = {"transaction": None, "status": status_block(message, code="400", success=False)}
        return answer_json(200, refused, outcome=f"refused: {message}")

    def _unknown(self) -> Answer:
        unknown = {"status": status_block("Transaction inconnue", code="404", success=False)}
        return answer_json(404, unknown, outcome="unknown transaction")


def sent(request: Request) -> Any:
    """The body of a call that says that it is JSON."""
    return request.data() if request.header("Content-Type").startswith(JSON) else None


def status_block(
    message: str | None, *, code: str = "200", success: bool = True, result_code: str | None = None
) -> dict[str, Any]:
    """The envelope's `status`: whether the call was understood, not whether anybody paid. No message, no field."""
    block = {"code": code, "success": success, "result_code": result_code}
    return block if message is None else block | {"message": message}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
