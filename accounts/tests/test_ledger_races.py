"""Many people at one account. A race test counts only if it fails with the guard taken away: first it is."""

import threading

import pytest
from django.db import connection

from accounts.exceptions import InsufficientCredits
from accounts.models import Account, CreditEntry
from accounts.services import ledger
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from common.unit_of_work import unit_of_work
from tests.threads import run_together

pytestmark = pytest.mark.django_db(transaction=True)

CREDITS = 10
needs_several_writers = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing races"
)


@pytest.fixture
def threads():
    return 100 if connection.vendor == "postgresql" else 16


def _spend_together(user, threads):
    """How many of so many spends of one credit succeeded; the others were told that the credits are gone."""

    def spend(number):
        with unit_of_work():
            ledger.spend(user.pk, 1, reference=f"spend:{number}")

    results = run_together(threads, spend)
    refused = [result for result in results if isinstance(result, InsufficientCredits)]
    succeeded = [result for result in results if result is None]
    assert len(refused) + len(succeeded) == threads, results
    return len(succeeded)


@needs_several_writers
def test_reading_then_writing_sells_the_same_credits_many_times(monkeypatch, threads):
    user = make_user(credits=CREDITS)
    everybody_has_read = threading.Barrier(threads)

    def read_modify_write(user_id, amount, *, only_active=False):
        account = Account.objects.get(user_id=user_id)
        everybody_has_read.wait(timeout=30)
        if account.credit + amount < 0:
            return None
        account.credit += amount
        account.save()
        return account.pk, account.credit

    monkeypatch.setattr(ledger, "_move", read_modify_write)

    assert _spend_together(user, threads) == 100
    assert balance(user) == 9
    assert verify_ledger().findings


def test_spending_together_succeeds_as_often_as_there_are_credits(threads):
    user = make_user(credits=CREDITS)

    assert _spend_together(user, threads) == CREDITS

    assert balance(user) == 0
    assert CreditEntry.objects.filter(account__user=user, kind="spend").count() == CREDITS
    assert verify_ledger().findings == []


def test_same_cause_booked_by_many_at_once_is_booked_once(threads):
    user = make_user(credits=CREDITS + 5)
    ledger.spend(user.pk, 5, reference="reservation:a")

    def refund(_):
        with unit_of_work():
            ledger.refund(user.pk, 5, reference="reservation:a")

    results = run_together(threads, refund)

    assert results.count(None) == 1
    assert {type(result).__name__ for result in results if result is not None} == {"IntegrityError"}
    assert balance(user) == CREDITS + 5
    assert verify_ledger().findings == []
