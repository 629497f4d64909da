"""SingPay's transaction, in every shape in which its look-ups give it."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from common.money import XAF
from payments.providers.base import Outcome, Report
from payments.providers.fields import identifier, text, whole_amount

_PENDING = frozenset({"start", "partenaire", "disbursement"})
_REASONS = {
    "passworderror": "wrong_pin",
    "balanceerror": "no_balance",
    "timeouterror": "customer_timeout",
}
_KEPT = ("id", "_id", "status", "result", "reference", "amount", "airtel_money_id", "created_at", "updated_at")


def candidates(body: Any) -> list[Mapping[str, Any]]:
    """The transactions of an answer: an envelope `{transaction, status}`, a bare transaction, or a list of either."""
    if isinstance(body, list):
        return [found for row in body if isinstance(row, dict) for found in candidates(row)]
    if not isinstance(body, dict):
        return []
    if "transaction" in body:
        inner = body["transaction"]
        return [inner] if isinstance(inner, dict) else []
    return [body] if "reference" in body else []


def read_report(transaction: Mapping[str, Any]) -> Report:
    """Paid if and only if it is `Terminate` with `Success`; `Terminate` without a result has failed."""
    state = text(transaction.get("status")).lower()
    result = text(transaction.get("result")).lower()
    outcome, reason = Outcome.UNKNOWN, "gateway_unreadable"
    if state in _PENDING:
        outcome, reason = Outcome.PENDING, ""
    elif state == "terminate" and result == "success":
        outcome, reason = Outcome.PAID, ""
    elif state == "terminate":
        outcome, reason = Outcome.REFUSED, _REASONS.get(result, "declined")
    elif state == "refund":
        outcome, reason = Outcome.REFUSED, "refunded_by_gateway"
    return Report(
        outcome,
        reference=text(transaction.get("reference")),
        amount=whole_amount(transaction.get("amount")),
        # The gateway knows no other.
        currency=XAF,
        reason=reason,
        objection="" if same_wallet(transaction) else "wallet_mismatch",
        provider_id=identifier(transaction.get("id") or transaction.get("_id")),
        response=kept({"transaction": transaction}),
    )


def same_wallet(transaction: Mapping[str, Any]) -> bool:
    """Whether it went to our wallet. One that is not named is ours: we asked with our keys for our wallet."""
    wallet = transaction.get("portefeuille")
    if isinstance(wallet, dict):
        wallet = wallet.get("_id") or wallet.get("id")
    return wallet is None or text(wallet) == settings.SINGPAY_WALLET


def kept(body: Any) -> dict[str, Any]:
    """What of an answer is worth keeping: no phone."""
    transaction = next(iter(candidates(body)), {})
    fields = {name: text(transaction[name])[:200] for name in _KEPT if transaction.get(name) is not None}
    status = body.get("status") if isinstance(body, dict) else None
    if isinstance(status, dict):
        fields |= {
            f"status_{name}": text(status[name])[:200]
            for name in ("code", "message", "success", "result_code")
            if status.get(name) is not None
        }
    return fields
