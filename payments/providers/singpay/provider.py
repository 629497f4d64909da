import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from common.http import Answer, NotReached, UnknownOutcome
from common.money import XAF
from common.phones import to_national
from common.strict_json import MalformedJson, loads
from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.fields import PREFIXES, page_url, text, whole_amount
from payments.providers.singpay import client
from payments.providers.singpay.transactions import candidates, kept, read_report, same_wallet

logger = logging.getLogger(__name__)

# Nothing was done; of other codes (408, 409, …) nobody knows.
_REFUSALS = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
_KEYS_REFUSED = frozenset({401, 403})


class SingPay:
    """A prompt on the phone where its network is known; a page in the browser where it is not, or without a phone."""

    name = "singpay"
    requires: frozenset[str] = frozenset()
    by_hand = False

    def network_of(self, phone: str) -> Network | None:
        return PREFIXES.get(to_national(phone)[:3]) if phone.startswith("+241") else None

    def patience(self, phone: str, network: Network | None) -> float:
        pushed = _is_pushed(phone, network)
        return float(settings.PROVIDER_DEADLINE_SECONDS if pushed else settings.SINGPAY_PAGE_DEADLINE_SECONDS)

    def start(self, order: Order) -> Started:
        if order.currency != XAF:
            return Started(Outcome.REFUSED, reason="currency_not_served")
        # What is kept of the request says what was asked, not who was asked.
        sent = {"amount": order.amount, "reference": order.reference, "network": order.network}
        try:
            if order.network is not None and _is_pushed(order.phone, order.network):
                return _pushed(order, order.network, sent)
            return _sent_to_page(order, sent)
        except NotReached:
            return Started(Outcome.NOT_REACHED, reason="gateway_not_reached", request=sent)
        except UnknownOutcome as error:
            if not _is_pushed(order.phone, order.network):
                return _no_page(sent, {"error": str(error)})
            return Started(Outcome.UNKNOWN, reason="gateway_timeout", request=sent, response={"error": str(error)})

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        """By our own reference first, by the id that the start call gave us where that tells nothing."""
        now, seconds = time.monotonic(), settings.PROVIDER_DEADLINE_SECONDS
        # A look-up that hangs must leave time for the other one.
        half = now + (seconds / 2 if provider_id else seconds)
        report = _look_up(lambda deadline: client.get_by_reference(reference, deadline=deadline), reference, half)
        if not provider_id or report.outcome not in (Outcome.UNKNOWN, Outcome.NOT_FOUND):
            return report
        ends = now + seconds
        by_id = _look_up(lambda deadline: client.get_status(provider_id, deadline=deadline), reference, ends)
        # It gave us that id: if it cannot find it any more, that says nothing about the money.
        return replace(by_id, outcome=Outcome.UNKNOWN) if by_id.outcome == Outcome.NOT_FOUND else by_id

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        """Unsigned: it says whom to ask about, and nothing of it is kept, not even the transaction's id."""
        try:
            envelope = loads(body)
        except MalformedJson as error:
            raise CallbackRefused("unreadable") from error
        transaction = envelope.get("transaction") if isinstance(envelope, dict) else None
        if not isinstance(transaction, dict):
            raise CallbackRefused("unreadable")
        if not same_wallet(transaction):
            raise CallbackRefused("wallet_mismatch")
        reference = text(transaction.get("reference"))
        if len(reference) != 32:
            raise CallbackRefused("unknown_reference")
        return Claim(reference=reference, amount=whole_amount(transaction.get("amount")), currency=XAF)


def _is_pushed(phone: str, network: Network | None) -> bool:
    return bool(settings.SINGPAY_PUSH and phone and network)


def _pushed(order: Order, network: Network, sent: Mapping[str, Any]) -> Started:
    answer = client.post_push(
        network,
        {"amount": order.amount, "reference": order.reference, "client_msisdn": to_national(order.phone)},
    )
    if refusal := _refused(answer, sent):
        return refusal
    transaction = next(iter(candidates(answer.body)), None)
    response = kept(answer.body)
    if answer.status >= 300 or transaction is None:
        return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=response)
    if text(transaction.get("reference")) != order.reference or not same_wallet(transaction):
        # An answer about another payment: its id would have us ask about that one.
        return Started(Outcome.UNKNOWN, reason="gateway_unreadable", request=sent, response=response)
    report = read_report(transaction)
    refused = report.outcome == Outcome.REFUSED
    return Started(
        # Even "paid" is asked for again before it is believed.
        Outcome.REFUSED if refused else Outcome.PENDING,
        provider_id=report.provider_id,
        reason=report.reason if refused else "",
        request=sent,
        response=response,
    )


def _sent_to_page(order: Order, sent: Mapping[str, Any]) -> Started:
    answer = client.post_page(
        {
            "reference": order.reference,
            "amount": order.amount,
            "redirect_success": order.return_url,
            "redirect_error": order.return_url,
        }
    )
    if refusal := _refused(answer, sent):
        return refusal
    link = page_url(answer.body.get("link"))
    response = {"exp": text(answer.body.get("exp"))[:40]}
    if answer.status >= 300 or not link:
        return _no_page(sent, response)
    return Started(Outcome.PENDING, checkout_url=link, request=sent, response=response)


def _no_page(sent: Mapping[str, Any], response: Mapping[str, Any]) -> Started:
    """Whatever the gateway has made of it: on a page whose address nobody has, nobody can pay."""
    return Started(Outcome.NOT_REACHED, reason="page_not_received", request=sent, response=response)


def _refused(answer: Answer, sent: Mapping[str, Any]) -> Started | None:
    """What its no becomes: HTTP 200 with `status.success` false, keys it does not know, a request it dislikes."""
    status = answer.body.get("status")
    says_no = isinstance(status, dict) and status.get("success") is False
    if not says_no and answer.status not in _REFUSALS:
        return None
    if answer.status in _KEYS_REFUSED:
        logger.error("SingPay refuses our keys or our wallet", extra={"status": answer.status})
        return Started(Outcome.REFUSED, reason="gateway_keys", request=sent, response=kept(answer.body))
    return Started(Outcome.REFUSED, reason="gateway_refused", request=sent, response=kept(answer.body))


def _look_up(call: Callable[[float], Answer], reference: str, ends: float) -> Report:
    left = ends - time.monotonic()
    if left <= 0:
        return Report(Outcome.UNKNOWN, reason="gateway_timeout")
    try:
        answer = call(left)
    except (NotReached, UnknownOutcome) as error:
        return Report(Outcome.UNKNOWN, reason="gateway_timeout", response={"error": str(error)})
    found = [row for row in candidates(answer.body) if text(row.get("reference")) == reference]
    if answer.status < 300 and found:
        reports = [read_report(row) for row in found]
        return next((report for report in reports if report.outcome == Outcome.PAID), reports[-1])
    if answer.body == [] or _says_unknown(answer):
        return Report(Outcome.NOT_FOUND, reason="never_received", response=kept(answer.body))
    return Report(Outcome.UNKNOWN, reason="gateway_unreadable", response=kept(answer.body))


def _says_unknown(answer: Answer) -> bool:
    """In its own words: a bare 404 may also come from a wrong address of ours."""
    status = answer.body.get("status") if isinstance(answer.body, dict) else None
    if not isinstance(status, dict) or status.get("success") is not False:
        return False
    return answer.status == 404 or text(status.get("code")) == "404"
