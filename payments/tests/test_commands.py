"""`reconcile_payments` and `payments_report`: what an operator reads at a shell."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.tests.factories import balance
from config.env import ranges, shares
from payments.enums import RefundStatus, Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome, Report
from payments.services.reconciling import reconcile
from payments.services.reporting import month_of
from payments.tests.factories import CREDITS, PRICE, age, attempt_of, make_payment, make_refund
from payments.tests.scripted import paid

pytestmark = pytest.mark.django_db


def make(status, **fields):
    return make_payment(status, provider="scripted", token=f"t{Payment.objects.count()}", **fields)


def look(sample=50, since=timedelta(days=2)):
    return reconcile(since=timezone.now() - since, sample=sample, tell=lambda done, of: None)


def what(result):
    return [finding.split(": ", 1)[1] for finding in result.findings]


@pytest.fixture
def says(script):
    """`says(payment, outcome, **changes)`: what the gateway answers when asked about it."""
    reports = {}
    script.on_ask = lambda reference, provider_id: reports.get(reference, Report(Outcome.PENDING, reference=reference))

    def says(payment, outcome, **changes):
        reference = attempt_of(payment).reference
        report = paid(payment, **changes) if outcome == Outcome.PAID else Report(outcome, reference=reference)
        reports[reference] = report

    return says


def test_everything_agrees(says, capsys):
    says(make(Status.SUCCEEDED), Outcome.PAID)
    says(make(Status.FAILED), Outcome.REFUSED)
    make(Status.PENDING)

    call_command("reconcile_payments")

    said = capsys.readouterr()
    assert said.out == "reconciled: 3 payments, 0 settled, 0 findings\n"
    assert said.err == "3 of 3\n"


def test_what_was_missed_is_settled_on_the_way(says, capsys):
    payment = make(Status.PENDING)
    says(payment, Outcome.PAID)

    call_command("reconcile_payments", "--since=12h")

    assert capsys.readouterr().out == "reconciled: 1 payments, 1 settled, 0 findings\n"
    assert balance(payment.user) == 10 + CREDITS


@pytest.mark.parametrize(
    "status, outcome, changes, finding",
    [
        (Status.SUCCEEDED, Outcome.REFUSED, {}, "succeeded here, refused says the gateway"),
        (Status.SUCCEEDED, Outcome.PENDING, {}, "succeeded here, pending says the gateway"),
        (Status.SUCCEEDED, Outcome.NOT_FOUND, {}, "succeeded here, not_found says the gateway"),
        (Status.SUCCEEDED, Outcome.PAID, {"amount": 1}, "succeeded here, the gateway was paid 1 XAF under {reference}"),
        (
            Status.SUCCEEDED,
            Outcome.PAID,
            {"currency": "XOF"},
            "succeeded here, the gateway was paid 5000 XOF under {reference}",
        ),
        (Status.FAILED, Outcome.PAID, {}, "failed here, paid says the gateway: succeeded now"),
        (Status.EXPIRED, Outcome.PAID, {}, "expired here, paid says the gateway: succeeded now"),
        (Status.PENDING, Outcome.PAID, {"amount": 1}, "held (amount_mismatch): staff decide"),
        (Status.HELD, Outcome.PENDING, {}, "held (): staff decide"),
        (Status.PENDING, Outcome.UNKNOWN, {}, "pending, and the gateway gives no answer"),
        (Status.SUCCEEDED, Outcome.NOT_REACHED, {}, "succeeded, and the gateway gives no answer"),
    ],
)
def test_finding_is_a_line_and_the_command_fails(status, outcome, changes, finding, says, capsys):
    payment = make(status)
    says(payment, outcome, **changes)

    with pytest.raises(CommandError) as refusal:
        call_command("reconcile_payments")

    expected = finding.format(reference=attempt_of(payment).reference)
    assert capsys.readouterr().out == f"payment {payment.public_id} scripted {PRICE}: {expected}\n"
    assert refusal.value.returncode == 1
    assert str(refusal.value).endswith("1 findings")


def test_payment_that_cannot_be_asked_about_is_told(script):
    script.on_ask = lambda reference, provider_id: None
    make(Status.UNKNOWN)

    assert what(look()) == ["unknown, and the gateway never told its id: only its own statement can tell"]


def test_payment_that_cannot_be_settled_keeps_nobody_else_waiting(says):
    stuck, fine = make(Status.PENDING, purpose="vaccination"), make(Status.PENDING)
    for payment in (stuck, fine):
        says(payment, Outcome.PAID)

    result = look()

    assert what(result) == ["paid says the gateway, and it could not be settled: Invalid"]
    assert (result.asked, result.settled) == (2, 1)
    stuck.refresh_from_db()
    assert (stuck.status, balance(fine.user)) == (Status.PENDING, 10 + CREDITS)


def test_gateway_that_breaks_keeps_nobody_else_waiting(script):
    broken, fine = make(Status.PENDING), make(Status.PENDING)

    def answer(reference, provider_id):
        if reference == attempt_of(broken).reference:
            raise RuntimeError("down")
        return paid(fine)

    script.on_ask = answer
    result = look()

    assert (what(result), result.asked, result.settled) == (["could not be asked about: RuntimeError"], 2, 1)


def test_forgotten_start_and_vanished_provider_are_told(script):
    forgotten, gone = make(Status.CREATED), make(Status.PENDING)
    age(forgotten, hours=2)
    Payment.objects.filter(pk=gone.pk).update(provider="old")

    first, second = what(look())

    assert first.startswith("created since ")
    assert second == "its provider is not configured any more: nobody can be asked"
    assert script.asked == []


def test_second_attempt_that_was_paid_is_found_and_due_back(script):
    payment = make(Status.SUCCEEDED)
    first = attempt_of(payment)
    PaymentAttempt.objects.filter(pk=first.pk).update(paid_at=timezone.now())
    second = PaymentAttempt.objects.create(
        payment=payment, provider="scripted", reference="f" * 32, provider_id="second"
    )

    def both(reference, provider_id):
        return Report(Outcome.PAID, reference=reference, amount=PRICE, currency="XAF")

    script.on_ask = both
    result = look()

    assert what(result) == ["paid twice: the second time is due back now"]
    second.refresh_from_db()
    assert second.is_surplus
    assert [(refund.status, refund.amount) for refund in Refund.objects.all()] == [("due", PRICE)]
    assert what(look()) == []


def test_only_since_and_only_a_sample_of_what_is_final(says, script):
    old = make(Status.PENDING)
    age(old, hours=49)
    for _ in range(5):
        says(make(Status.SUCCEEDED), Outcome.PAID)

    result = look(sample=2)

    assert (result.asked, len(script.asked)) == (2, 2)
    assert look(sample=0, since=timedelta(days=3)).asked == 1


@pytest.mark.parametrize("since", ["", "2", "d", "-2d", "2y", "99999d"])
def test_since_that_is_no_duration(since):
    with pytest.raises(CommandError):
        call_command("reconcile_payments", f"--since={since}")


MARCH = datetime(2026, 3, 15, 12, tzinfo=UTC)


def paid_in_march(provider, amount, **fields):
    payment = make_payment(Status.SUCCEEDED, provider=provider, amount=amount, settled_at=MARCH, **fields)
    Payment.objects.filter(pk=payment.pk).update(created_at=MARCH)
    return payment


def read(capsys, month="2026-03"):
    call_command("payments_report", month=month)
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_report_of_a_month(settings, capsys):
    settings.PAYMENT_FEES = {"mypayga": 250}
    first = paid_in_march("mypayga", 5_000)
    paid_in_march("mypayga", 1_010)
    paid_in_march("singpay", 700)
    for status in (Status.FAILED, Status.EXPIRED, Status.PENDING):
        Payment.objects.filter(pk=make_payment(status).pk).update(created_at=MARCH)
    make_payment(Status.SUCCEEDED)
    for status in (RefundStatus.DONE, RefundStatus.SENT):
        refund = make_refund(status, first, amount=900)
        Refund.objects.filter(pk=refund.pk).update(updated_at=MARCH)
    PaymentAttempt.objects.create(payment=first, provider="mypayga", reference="e" * 32, paid_at=MARCH, is_surplus=True)

    assert read(capsys) == [
        {
            "provider": "mypayga",
            "currency": "XAF",
            "started": "5",
            "paid": "3",
            "paid_amount": "11010",
            "failed": "2",
            "refunded": "1",
            "refunded_amount": "900",
            "fees": "275",
        },
        {
            "provider": "singpay",
            "currency": "XAF",
            "started": "1",
            "paid": "1",
            "paid_amount": "700",
            "failed": "0",
            "refunded": "0",
            "refunded_amount": "0",
            "fees": "0",
        },
    ]
    assert read(capsys, "2025-12") == []


def test_months_begin_at_midnight_of_the_site():
    assert [moment.isoformat() for moment in month_of("2026-12")] == [
        "2026-12-01T00:00:00+01:00",
        "2027-01-01T00:00:00+01:00",
    ]


@pytest.mark.parametrize("month", ["2026", "2026-13", "march", "2026-03-01", ""])
def test_month_that_is_none(month):
    with pytest.raises(CommandError):
        call_command("payments_report", f"--month={month}")


def test_limits_and_fees_are_read_from_the_environment():
    assert ranges("X", "") == {}
    assert ranges("X", "mypayga=100-500000, singpay=1-2") == {"mypayga": (100, 500_000), "singpay": (1, 2)}
    assert shares("X", "mypayga=250") == {"mypayga": 250}


@pytest.mark.parametrize("value", ["mypayga", "mypayga=5", "mypayga=9-5", "mypayga=-1-5", "mypayga=1-2;singpay=1-2"])
def test_limits_that_are_none_stop_the_start(value):
    with pytest.raises(ImproperlyConfigured, match=r"^X holds"):
        ranges("X", value)


@pytest.mark.parametrize("value", ["mypayga", "mypayga=2.5", "mypayga=10001", "mypayga=-1"])
def test_fees_that_are_none_stop_the_start(value):
    with pytest.raises(ImproperlyConfigured, match=r"^X holds"):
        shares("X", value)
