"""What `verify_ledger` asks of payments: every franc that came in bought something once, or is due back."""

from collections import Counter
from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q

from accounts.enums import ApprovalStatus, EntryKind
from accounts.models import Approval, CreditEntry
from accounts.services.verification import Finding, entry_row
from common.chunks import by_pk
from payments.enums import Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.selectors import with_money
from payments.services.refunds import REQUEST


def check_payments() -> Iterator[Finding]:
    """Refunds within what came in; for packs of credits payment and entry belong to each other."""
    yield from _wrong_attempts()
    yield from _too_much_given_back()
    yield from _wrong_refunds()
    yield from _approved_and_not_begun()
    yield from _same_external_reference()
    yield from _packs_not_given()
    yield from _packs_not_paid()


def row_of(payment: Payment) -> str:
    return f"payment {payment.public_id}"


def _wrong_attempts() -> Iterator[Finding]:
    """What came in under a reference its payment knows of; what came in twice came in once before."""
    first = PaymentAttempt.objects.filter(payment=OuterRef("payment"), paid_at__isnull=False, is_surplus=False)
    unknown = Q(paid_at__isnull=False) & ~Q(payment__status__in=[Status.SUCCEEDED, Status.HELD])
    surplus = Q(is_surplus=True) & (Q(paid_at__isnull=True) | ~Exists(first))
    for chunk in by_pk(PaymentAttempt.objects.select_related("payment").filter(unknown | surplus)):
        for attempt in chunk:
            what = "paid in surplus" if attempt.is_surplus else "paid"
            if attempt.payment.status in (Status.SUCCEEDED, Status.HELD):
                what += ", and nothing came in before" if attempt.paid_at else ", and never paid"
            else:
                what += f", and {attempt.payment.status}"
            yield Finding(row_of(attempt.payment), f"attempt {attempt.reference} {what}")


def _wrong_refunds() -> Iterator[Finding]:
    """In the payment's own currency, and never approved by whom the money goes to."""
    wrong = ~Q(currency=F("payment__currency")) | Q(approved_by=F("payment__user"))
    for chunk in by_pk(Refund.objects.select_related("payment").filter(wrong)):
        for refund in chunk:
            row = f"refund {refund.public_id}"
            if refund.currency != refund.payment.currency:
                yield Finding(row, f"{refund.currency}, {refund.payment.currency} came in")
            if refund.approved_by_id == refund.payment.user_id:
                yield Finding(row, "approved by whom the money goes to")


def _approved_and_not_begun() -> Iterator[Finding]:
    for chunk in by_pk(Approval.objects.filter(kind=REQUEST, status=ApprovalStatus.APPROVED)):
        payments = {approval.parameters["payment"] for approval in chunk}
        columns = ("payment_id", "amount", "requested_by_id", "approved_by_id")
        begun = Counter(Refund.objects.filter(payment__in=payments).values_list(*columns))
        for approval in chunk:
            wanted = (
                approval.parameters["payment"],
                approval.amount,
                approval.requested_by_id,
                approval.decided_by_id,
            )
            if not begun[wanted]:
                yield Finding(f"approval {approval.public_id}", "approved, and no such refund")
            begun[wanted] -= 1


def _too_much_given_back() -> Iterator[Finding]:
    refunded = with_money(Payment.objects.filter(pk__in=Refund.objects.values("payment")))
    for chunk in by_pk(refunded.filter(back__gt=0)):
        for payment in chunk:
            if payment.status != Status.SUCCEEDED:
                yield Finding(row_of(payment), f"{payment.status}, and {payment.back} given back")
            elif payment.back > payment.received:
                yield Finding(row_of(payment), f"{payment.received} came in, {payment.back} given back")


def _same_external_reference() -> Iterator[Finding]:
    sent = Refund.objects.exclude(external_reference="")
    twice = sent.values("payment__provider", "external_reference").annotate(count=Count("pk")).filter(count__gt=1)
    for row in twice.order_by("payment__provider", "external_reference"):
        name = f"refunds {row['payment__provider']} {row['external_reference']}"
        yield Finding(name, f"{row['count']} refunds under one reference of the gateway")


def _packs_not_given() -> Iterator[Finding]:
    paid = Payment.objects.filter(purpose="rate", status=Status.SUCCEEDED)
    for chunk in by_pk(with_money(paid)):
        entries = _entries({f"payment:{payment.public_id}" for payment in chunk})
        for payment in chunk:
            entry = entries.get(f"payment:{payment.public_id}")
            if entry is None:
                if payment.back < payment.received:
                    yield Finding(row_of(payment), "succeeded, nothing granted and not all due back")
            elif (entry.account.user_id, entry.amount) != (payment.user_id, payment.terms.get("credits")):
                what = f"{payment.terms.get('credits')} credits were paid, entry {entry.pk} gives {entry.amount}"
                yield Finding(row_of(payment), what, entry.account_id)
            elif payment.reason == "nothing_to_grant":
                yield Finding(row_of(payment), f"granted by entry {entry.pk}, and due back", entry.account_id)


def _packs_not_paid() -> Iterator[Finding]:
    for chunk in by_pk(CreditEntry.objects.filter(kind=EntryKind.RATE)):
        numbers = {entry.pk: _number(entry.reference) for entry in chunk}
        paid = Payment.objects.filter(
            public_id__in=[number for number in numbers.values() if number], purpose="rate", status=Status.SUCCEEDED
        )
        known = set(paid.values_list("public_id", flat=True))
        for entry in chunk:
            if numbers[entry.pk] not in known:
                row = entry_row(entry.account_id, entry.pk)
                yield Finding(row, f"granted without a payment that succeeded ({entry.reference})", entry.account_id)


def _entries(references: Iterable[str]) -> dict[str, CreditEntry]:
    entries = CreditEntry.objects.filter(kind=EntryKind.RATE, reference__in=list(references))
    return {entry.reference: entry for entry in entries.select_related("account")}


def _number(reference: str) -> UUID | None:
    kind, _, number = reference.partition(":")
    try:
        return UUID(number) if kind == "payment" else None
    except ValueError:
        return None
