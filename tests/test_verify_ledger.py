"""Corruptions that somebody with the owner's rights could cause: each is found, and its row named."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, Approval, CreditEntry
from accounts.services import approvals, corrections, ledger
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from appointments.enums import PaidWith
from appointments.models import Appointment
from appointments.services.handling import pay_with_credits
from appointments.tests.factories import at, make_appointment, make_practitioner
from payments.enums import RefundStatus, Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.services import refunds, settling
from payments.tests.factories import attempt_of, make_payment, make_refund
from payments.tests.scripted import paid
from reservations.models import Reservation
from reservations.services import handling
from reservations.tests.factories import make_reservation, pay

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(append_only_lifted: Callable[[], Any], settings: Any) -> Iterator[dict[str, Any]]:
    """A little of everything, all of it right; and the triggers are lifted, as only the owner can."""
    patient, staff, colleague = make_user(credits=100), make_user(Role.STAFF), make_user(Role.STAFF)
    bought = make_payment(Status.PENDING, user=patient)
    settling.settle(attempt_of(bought), paid(bought))
    doctor = make_practitioner(fee=15_000, fee_credits=40)
    visit = make_appointment(practitioner=doctor, patient=patient, paid_with=PaidWith.MONEY)
    visit_for_credits = make_appointment(practitioner=doctor, patient=patient, starts_at=at(11))
    pay_with_credits(visit_for_credits, by=patient)
    ledger.spend(patient.pk, 10, reference="reservation:a", by=patient)
    ledger.refund(patient.pk, 10, reference="reservation:a")
    gift = corrections.grant_credits(patient.account, credits=1_000, reason="geste", by=staff)
    assert gift is not None
    approvals.approve(gift, by=colleague)
    reservation = make_reservation(user=patient)
    pay(reservation)
    cancelled = make_reservation(user=patient)
    pay(cancelled)
    handling.cancel(cancelled, by=patient)
    refunds.request_refund(Payment.objects.get(pk=bought.pk), amount=100, reason="geste", by=staff)
    settings.TWO_EYES_XAF = 0
    given_back = refunds.request_refund(payment_of(reservation), amount=1, reason="geste", by=staff)
    assert isinstance(given_back, Approval)
    approvals.approve(given_back, by=colleague)
    assert verify_ledger().findings == []
    with append_only_lifted():
        yield {
            "patient": patient,
            "account": Account.objects.get(user=patient),
            "bought": Payment.objects.get(pk=bought.pk),
            "gift": gift,
            "reservation": reservation,
            "cancelled": cancelled,
            "given_back": given_back,
            "visit": visit,
            "visit_for_credits": visit_for_credits,
        }


def entry_of(books: dict[str, Any], kind: str) -> CreditEntry:
    return CreditEntry.objects.filter(account=books["account"], kind=kind).latest("id")


def named(books: dict[str, Any], entry: CreditEntry) -> str:
    return f"account {books['account'].pk} entry {entry.pk}"


def payment_of(reservation: Reservation) -> Payment:
    return Payment.objects.get(purpose_id=str(reservation.public_id))


def payment_for(visit: Appointment) -> Payment:
    return Payment.objects.get(purpose_id=str(visit.public_id))


def balance_raised(books: dict[str, Any]) -> str:
    Account.objects.filter(pk=books["account"].pk).update(credit=books["account"].credit + 5)
    return f"account {books['account'].pk}"


def balance_lowered(books: dict[str, Any]) -> str:
    Account.objects.filter(pk=books["account"].pk).update(credit=0)
    return f"account {books['account'].pk}"


def entry_changed(books: dict[str, Any]) -> str:
    entry = entry_of(books, "rate")
    CreditEntry.objects.filter(pk=entry.pk).update(amount=entry.amount + 1)
    return named(books, entry)


def running_balance_changed(books: dict[str, Any]) -> str:
    entry = entry_of(books, "spend")
    CreditEntry.objects.filter(pk=entry.pk).update(balance_after=7)
    return named(books, entry)


def entry_deleted(books: dict[str, Any]) -> str:
    following = entry_of(books, "refund")
    entry_of(books, "spend").delete()
    return named(books, following)


def entry_of_another(books: dict[str, Any]) -> str:
    entry, other = entry_of(books, "refund"), make_user().account
    CreditEntry.objects.filter(pk=entry.pk).update(account=other)
    return f"account {other.pk} entry {entry.pk}"


def spend_that_gives(books: dict[str, Any]) -> str:
    ledger.grant(books["patient"].pk, 5, reference="x", by=None)
    entry = entry_of(books, "grant")
    CreditEntry.objects.filter(pk=entry.pk).update(kind="spend")
    return named(books, entry)


def welcome_of_another(books: dict[str, Any]) -> str:
    entry = entry_of(books, "welcome")
    CreditEntry.objects.filter(pk=entry.pk).update(reference="user:0")
    return named(books, entry)


def refund_of_what_was_never_spent(books: dict[str, Any]) -> str:
    ledger.refund(books["patient"].pk, 500, reference="reservation:b")
    return named(books, entry_of(books, "refund"))


def gift_nobody_approved(books: dict[str, Any]) -> str:
    Approval.objects.filter(pk=books["gift"].pk).delete()
    return named(books, entry_of(books, "grant"))


def gift_larger_than_approved(books: dict[str, Any]) -> str:
    Approval.objects.filter(pk=books["gift"].pk).update(amount=1)
    return named(books, entry_of(books, "grant"))


def approval_never_booked(books: dict[str, Any]) -> str:
    ledger.adjust(books["patient"].pk, -1_000, reason="x", reference="x", by=books["patient"])
    entry = entry_of(books, "grant")
    CreditEntry.objects.filter(pk=entry.pk).update(reference="staff:x")
    return f"approval {books['gift'].public_id}"


def grant_without_payment(books: dict[str, Any]) -> str:
    ledger.grant(books["patient"].pk, 60, kind="rate", reference=f"payment:{books['gift'].public_id}", by=None)
    return named(books, entry_of(books, "rate"))


def payment_set_back_after_its_grant(books: dict[str, Any]) -> str:
    Refund.objects.filter(payment=books["bought"]).delete()
    Payment.objects.filter(pk=books["bought"].pk).update(status=Status.FAILED)
    return named(books, entry_of(books, "rate"))


def payment_without_grant(books: dict[str, Any]) -> str:
    payment = make_payment(Status.SUCCEEDED, user=books["patient"])
    return f"payment {payment.public_id}"


def grant_of_more_than_was_paid(books: dict[str, Any]) -> str:
    Payment.objects.filter(pk=books["bought"].pk).update(terms={"credits": 1})
    return f"payment {books['bought'].public_id}"


def granted_to_another(books: dict[str, Any]) -> str:
    Payment.objects.filter(pk=books["bought"].pk).update(user=make_user())
    return f"payment {books['bought'].public_id}"


def granted_and_due_back(books: dict[str, Any]) -> str:
    Payment.objects.filter(pk=books["bought"].pk).update(reason="nothing_to_grant")
    return f"payment {books['bought'].public_id}"


def more_given_back_than_came_in(books: dict[str, Any]) -> str:
    Refund.objects.filter(payment=books["bought"]).update(amount=books["bought"].amount + 1)
    return f"payment {books['bought'].public_id}"


def given_back_what_never_came(books: dict[str, Any]) -> str:
    payment = make_payment(Status.FAILED, user=books["patient"])
    make_refund(RefundStatus.DUE, payment)
    return f"payment {payment.public_id}"


def reservation_paid_by_nobody(books: dict[str, Any]) -> str:
    reservation = make_reservation(user=books["patient"])
    Reservation.objects.filter(pk=reservation.pk).update(paid_at=timezone.now())
    return f"reservation {reservation.public_id}"


def reservation_no_longer_paid(books: dict[str, Any]) -> str:
    Reservation.objects.filter(pk=books["reservation"].pk).update(paid_at=None)
    return f"payment {payment_of(books['reservation']).public_id}"


def cancelled_and_not_due_back(books: dict[str, Any]) -> str:
    Refund.objects.filter(payment=payment_of(books["cancelled"])).delete()
    return f"reservation {books['cancelled'].public_id}"


def gift_to_oneself(books: dict[str, Any]) -> str:
    ledger.grant(books["patient"].pk, 5, reference="staff:x", by=books["patient"])
    return named(books, entry_of(books, "grant"))


def attempt_paid_and_forgotten(books: dict[str, Any]) -> str:
    payment = make_payment(Status.EXPIRED, user=books["patient"])
    PaymentAttempt.objects.filter(payment=payment).update(paid_at=timezone.now())
    return f"payment {payment.public_id}"


def surplus_invented(books: dict[str, Any]) -> str:
    """Twice the money came in, say the rows: twice of it could be given back."""
    PaymentAttempt.objects.create(
        payment=books["bought"], provider="mypayga", reference="f" * 32, is_surplus=True, paid_at=None
    )
    return f"payment {books['bought'].public_id}"


def only_money_called_surplus(books: dict[str, Any]) -> str:
    PaymentAttempt.objects.filter(payment=books["bought"]).update(is_surplus=True)
    return f"payment {books['bought'].public_id}"


def refund_in_another_currency(books: dict[str, Any]) -> str:
    refund = Refund.objects.get(payment=books["bought"])
    Refund.objects.filter(pk=refund.pk).update(currency="EUR")
    return f"refund {refund.public_id}"


def refund_approved_by_its_receiver(books: dict[str, Any]) -> str:
    refund = Refund.objects.get(payment=books["bought"])
    Refund.objects.filter(pk=refund.pk).update(approved_by=books["patient"])
    return f"refund {refund.public_id}"


def approved_refund_deleted(books: dict[str, Any]) -> str:
    approval, refund = books["given_back"], Refund.objects.get(payment=payment_of(books["reservation"]))
    refund.delete()
    return f"approval {approval.public_id}"


def appointment_no_longer_paid(books: dict[str, Any]) -> str:
    Appointment.objects.filter(pk=books["visit"].pk).update(paid_at=None, paid_with="")
    return f"payment {payment_for(books['visit']).public_id}"


def visit_expired_and_not_due_back(books: dict[str, Any]) -> str:
    Appointment.objects.filter(pk=books["visit"].pk).update(status="expired")
    return f"appointment {books['visit'].public_id}"


def visit_cancelled_by_the_doctor_and_not_due_back(books: dict[str, Any]) -> str:
    Appointment.objects.filter(pk=books["visit"].pk).update(
        status="cancelled", cancelled_at=timezone.now(), cancelled_by=books["visit"].practitioner.user
    )
    return f"appointment {books['visit'].public_id}"


def fee_taken_from_another(books: dict[str, Any]) -> str:
    Appointment.objects.filter(pk=books["visit_for_credits"].pk).update(patient=make_user())
    return f"appointment {books['visit_for_credits'].public_id}"


def fee_taken_for_nothing(books: dict[str, Any]) -> str:
    Appointment.objects.filter(pk=books["visit_for_credits"].pk).update(paid_at=None, paid_with="")
    fee = CreditEntry.objects.get(reference=f"appointment:{books['visit_for_credits'].public_id}:fee")
    return named(books, fee)


CORRUPTIONS = [
    balance_raised,
    balance_lowered,
    entry_changed,
    running_balance_changed,
    entry_deleted,
    entry_of_another,
    spend_that_gives,
    welcome_of_another,
    refund_of_what_was_never_spent,
    gift_nobody_approved,
    gift_larger_than_approved,
    approval_never_booked,
    grant_without_payment,
    payment_set_back_after_its_grant,
    payment_without_grant,
    grant_of_more_than_was_paid,
    granted_to_another,
    granted_and_due_back,
    more_given_back_than_came_in,
    given_back_what_never_came,
    reservation_paid_by_nobody,
    reservation_no_longer_paid,
    cancelled_and_not_due_back,
    gift_to_oneself,
    attempt_paid_and_forgotten,
    surplus_invented,
    only_money_called_surplus,
    refund_in_another_currency,
    refund_approved_by_its_receiver,
    approved_refund_deleted,
    appointment_no_longer_paid,
    visit_expired_and_not_due_back,
    visit_cancelled_by_the_doctor_and_not_due_back,
    fee_taken_from_another,
    fee_taken_for_nothing,
]


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda corrupt: corrupt.__name__)
def test_corruption_is_found_and_its_row_named(
    corrupt: Callable[[dict[str, Any]], str], books: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row = corrupt(books)

    with pytest.raises(CommandError) as refusal:
        call_command("verify_ledger")

    said = capsys.readouterr().out.splitlines()
    assert refusal.value.returncode == 1
    assert [line for line in said if line.startswith(f"{row}: ")], said
    connection.close()
