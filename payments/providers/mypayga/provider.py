from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from common.http import Answer, NotReached, UnknownOutcome
from common.phones import to_national
from common.strict_json import MalformedJson, loads
from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.mypayga import client

# National prefixes of Gabon's networks (nine digits, leading 0).
_PREFIXES = {
    "074": Network.AIRTEL,
    "076": Network.AIRTEL,
    "077": Network.AIRTEL,
    "060": Network.MOOV,
    "062": Network.MOOV,
    "065": Network.MOOV,
    "066": Network.MOOV,
}
_PAID = {"200", "0"}
LONGEST_TOKEN = 128
LONGEST_URL = 500
_KEPT = ("request_status", "order_status", "message", "payment_token", "unique_id", "amount", "currency")


class MyPayGa:
    name = "mypayga"

    def network_of(self, phone: str) -> Network | None:
        return _PREFIXES.get(to_national(phone)[:3]) if phone.startswith("+241") else None

    def start(self, order: Order) -> Started:
        body = {
            "urls": {
                "success_url": order.return_url,
                "callback_url": order.callback_url,
                "fail_url": order.return_url,
            },
            "client_phone": to_national(order.phone),
            "amount": str(order.amount),
            "currency": order.currency,
            "country": "GA",
            "network": str(order.network),
            "type": "mobile_money",
            "unique_id": order.reference,
            "description": order.label,
            "firstname": order.first_name,
            "lastname": order.last_name,
            "email": order.email,
        }
        # What is kept of the request says what was asked, not who was asked.
        sent = {"amount": body["amount"], "network": body["network"], "unique_id": order.reference}
        try:
            answer = client.post_payment(body)
        except NotReached:
            return Started(Outcome.NOT_REACHED, reason="gateway_not_reached", request=sent)
        except UnknownOutcome as error:
            return Started(Outcome.UNKNOWN, reason="gateway_timeout", request=sent, response={"error": str(error)})
        fields = _fields(answer)
        status = _code(fields.get("request_status"))
        # A redirect is never followed, and what stands in it is no answer.
        if status is None or 300 <= answer.status < 400:
            return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=_kept(fields))
        token = _token(fields)
        if int(status) >= 300 or answer.status >= 400:
            return Started(Outcome.REFUSED, reason="gateway_refused", request=sent, response=_kept(fields))
        if not token:
            return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=_kept(fields))
        return Started(
            Outcome.PENDING,
            provider_id=token,
            checkout_url=_checkout_url(fields),
            request=sent,
            response=_kept(fields),
        )

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        if not provider_id:
            # MyPayGa knows no look-up by our own reference.
            return None
        try:
            answer = client.get_verify(provider_id)
        except (NotReached, UnknownOutcome) as error:
            return Report(Outcome.UNKNOWN, reason="gateway_timeout", response={"error": str(error)})
        fields = _fields(answer)
        status = _code(fields.get("order_status"))
        if status is None or answer.status >= 300:
            return Report(Outcome.UNKNOWN, reason="gateway_unreadable", response=_kept(fields))
        named = _text(fields.get("unique_id"))
        if status in _PAID:
            return Report(
                Outcome.PAID,
                reference=named,
                amount=_amount(fields.get("amount")),
                currency=_text(fields.get("currency")),
                response=_kept(fields),
            )
        if int(status) < 300:
            return Report(Outcome.PENDING, reference=named, response=_kept(fields))
        return Report(Outcome.REFUSED, reference=named, reason=_reason(fields), response=_kept(fields))

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        fields = _callback_fields(body, content_type)
        if not client.signature_fits(fields, settings.MYPAYGA_CALLBACK_SECRET):
            raise CallbackRefused("wrong_signature" if fields.get("hash") else "unsigned")
        reference = _text(fields.get("unique_id"))
        if len(reference) != 32:
            raise CallbackRefused("unknown_reference")
        return Claim(
            reference=reference,
            amount=_amount(fields.get("amount")),
            currency=_text(fields.get("currency")),
            provider_id=_token(fields),
        )


def _fields(answer: Answer) -> Mapping[str, Any]:
    return answer.body if isinstance(answer.body, dict) else {}


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of an answer is worth keeping: no phone, no name."""
    return {name: _text(fields[name])[:200] for name in _KEPT if fields.get(name) is not None}


def _text(value: Any) -> str:
    """A field as text that every database can store: what a gateway sends must never stop us from writing it down."""
    return "" if value is None else str(value).replace("\x00", "").encode("utf-8", "ignore").decode()


def _token(fields: Mapping[str, Any]) -> str:
    """The gateway's name for the payment; a part of one would name nothing."""
    token = _text(fields.get("payment_token"))
    return token if len(token) <= LONGEST_TOKEN else ""


def _checkout_url(fields: Mapping[str, Any]) -> str:
    """A page the customer may be sent to, or nothing: the payment goes on without it."""
    url = _text(fields.get("checkout_url"))
    safe = url.startswith(("https://", "http://") if settings.DEBUG else "https://") and len(url) <= LONGEST_URL
    return url if safe else ""


def _code(value: Any) -> str | None:
    """`200`, `"200"`, `0` and `"0"` as text; None where it is no status. An integer 0 is a value, not "missing"."""
    if type(value) is int or (isinstance(value, str) and value.strip().isascii() and value.strip().isdigit()):
        text = str(value).strip()
        return text if len(text) <= 4 and not text.startswith("-") else None
    return None


def _amount(value: Any) -> int | None:
    """Whole francs, or None: `"5000"` and 5000, but never 5000.5 or "5e3"."""
    text = str(value).strip() if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


_REASONS = {
    "pin": "wrong_pin",
    "solde": "no_balance",
    "balance": "no_balance",
    "refus": "declined",
    "annul": "declined",
}


def _reason(fields: Mapping[str, Any]) -> str:
    message = str(fields.get("message") or "").lower()
    return next((reason for word, reason in _REASONS.items() if word in message), "declined")


def _callback_fields(body: bytes, content_type: str) -> Mapping[str, Any]:
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        try:
            form = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)
        except ValueError as error:
            raise CallbackRefused("unreadable") from error
        if any("\x00" in text for pair in form for text in pair):
            raise CallbackRefused("unreadable")
        return dict(form)
    try:
        value = loads(body)
    except MalformedJson as error:
        raise CallbackRefused("unreadable") from error
    if not isinstance(value, dict):
        raise CallbackRefused("unreadable")
    return value
