import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from common.http import Answer, NotReached, UnknownOutcome
from common.phones import to_national
from common.strict_json import MalformedJson, loads
from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.fields import PREFIXES, identifier, page_url, text, whole_amount
from payments.providers.mypayga import client

_PAID = {"200", "0"}
_KEPT = ("request_status", "order_status", "message", "payment_token", "unique_id", "amount", "currency")


class MyPayGa:
    """A prompt on the customer's phone. Where its prefix does not tell the network, MyPayGa can be asked by setting."""

    name = "mypayga"
    by_hand = False

    @property
    def requires(self) -> frozenset[str]:
        return frozenset({"phone"} if settings.MYPAYGA_NETWORK_LOOKUP else {"phone", "network"})

    def network_of(self, phone: str) -> Network | None:
        return PREFIXES.get(to_national(phone)[:3]) if phone.startswith("+241") else None

    def patience(self, phone: str, network: Network | None) -> float:
        return float(settings.PROVIDER_DEADLINE_SECONDS)

    def start(self, order: Order) -> Started:
        ends = time.monotonic() + settings.PROVIDER_DEADLINE_SECONDS
        network = order.network or _look_up_network(order.phone, ends - time.monotonic())
        if network is None:
            # Nothing was asked for: without the network nobody can be.
            return Started(Outcome.REFUSED, reason="network_unknown", request={"unique_id": order.reference})
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
            "network": str(network),
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
            answer = client.post_payment(body, deadline=ends - time.monotonic())
        except NotReached:
            return Started(Outcome.NOT_REACHED, reason="gateway_not_reached", request=sent)
        except UnknownOutcome as error:
            return Started(Outcome.UNKNOWN, reason="gateway_timeout", request=sent, response={"error": str(error)})
        fields = _fields(answer)
        status = _code(fields.get("request_status"))
        # A redirect is never followed, and what stands in it is no answer.
        if status is None or 300 <= answer.status < 400:
            return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=_kept(fields))
        token = identifier(fields.get("payment_token"))
        if int(status) >= 300 or answer.status >= 400:
            return Started(Outcome.REFUSED, reason="gateway_refused", request=sent, response=_kept(fields))
        if not token:
            return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=_kept(fields))
        return Started(
            Outcome.PENDING,
            provider_id=token,
            checkout_url=page_url(fields.get("checkout_url")),
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
        named = text(fields.get("unique_id"))
        if status in _PAID:
            return Report(
                Outcome.PAID,
                reference=named,
                amount=whole_amount(fields.get("amount")),
                currency=text(fields.get("currency")),
                response=_kept(fields),
            )
        if int(status) < 300:
            return Report(Outcome.PENDING, reference=named, response=_kept(fields))
        return Report(Outcome.REFUSED, reference=named, reason=_reason(fields), response=_kept(fields))

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        fields = _callback_fields(body, content_type)
        if not client.signature_fits(fields, settings.MYPAYGA_CALLBACK_SECRET):
            raise CallbackRefused("wrong_signature" if fields.get("hash") else "unsigned")
        reference = text(fields.get("unique_id"))
        if len(reference) != 32:
            raise CallbackRefused("unknown_reference")
        return Claim(
            reference=reference,
            amount=whole_amount(fields.get("amount")),
            currency=text(fields.get("currency")),
            provider_id=identifier(fields.get("payment_token")),
        )


def _look_up_network(phone: str, seconds: float) -> Network | None:
    """The network as MyPayGa knows it; None where it does not tell in a third of the time."""
    try:
        answer = client.get_network(to_national(phone), deadline=seconds / 3)
    except (NotReached, UnknownOutcome):
        return None
    code = text(_fields(answer).get("mobile_money_code"))
    return Network(code) if answer.status < 300 and code in Network.values else None


def _fields(answer: Answer) -> Mapping[str, Any]:
    return answer.body if isinstance(answer.body, dict) else {}


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of an answer is worth keeping: no phone, no name."""
    return {name: text(fields[name])[:200] for name in _KEPT if fields.get(name) is not None}


def _code(value: Any) -> str | None:
    """`200`, `"200"`, `0` and `"0"` as text; None where it is no status. An integer 0 is a value, not "missing"."""
    if type(value) is int or (isinstance(value, str) and value.strip().isascii() and value.strip().isdigit()):
        text = str(value).strip()
        return text if len(text) <= 4 and not text.startswith("-") else None
    return None


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
