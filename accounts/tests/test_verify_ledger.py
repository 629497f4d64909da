import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from accounts.enums import EntryKind
from accounts.models import Account, CreditEntry
from accounts.services import ledger, verification
from accounts.services.verification import Finding, verify_ledger
from accounts.tests.factories import make_user
from tests.threads import run_together

pytestmark = pytest.mark.django_db


@pytest.fixture
def accounts():
    users = [make_user(credits=10) for _ in range(3)]
    for user in users:
        ledger.spend(user.pk, 4, reference=f"a:{user.pk}")
        ledger.refund(user.pk, 1, reference=f"a:{user.pk}")
    return [user.account for user in users]


def _run(capsys):
    try:
        call_command("verify_ledger")
        code = 0
    except CommandError as error:
        code = error.returncode
    return code, capsys.readouterr().out


def test_ledger_that_adds_up(accounts, capsys):
    assert verify_ledger().findings == []
    assert _run(capsys) == (0, "ledger: 3 accounts add up\n")


def test_empty_ledger_adds_up(capsys):
    assert _run(capsys) == (0, "ledger: 0 accounts add up\n")


def test_balance_changed_behind_its_back(accounts, capsys):
    account = accounts[1]
    Account.objects.filter(pk=account.pk).update(credit=F("credit") + 5)

    assert verify_ledger().findings == [Finding(f"account {account.pk}", "balance 12, entries add up to 7", account.pk)]
    assert _run(capsys) == (1, f"account {account.pk}: balance 12, entries add up to 7\n")


def test_balance_without_any_entry(accounts, settings):
    settings.WELCOME_CREDITS = 0
    account = make_user().account
    Account.objects.filter(pk=account.pk).update(credit=3)

    assert verify_ledger().findings == [Finding(f"account {account.pk}", "balance 3, entries add up to 0", account.pk)]


def test_wrong_running_balance(accounts, capsys):
    account = accounts[2]
    entry = CreditEntry.objects.create(
        account=account, amount=5, balance_after=13, kind=EntryKind.GRANT, reference="forged"
    )
    Account.objects.filter(pk=account.pk).update(credit=F("credit") + 5)

    row = f"account {account.pk} entry {entry.pk}"
    expected = Finding(row, "balance after 13, entries so far add up to 12", account.pk)
    assert verify_ledger().findings == [expected]
    assert _run(capsys) == (1, f"{row}: {expected.what}\n")


def test_entry_without_its_balance(accounts):
    account = accounts[0]
    CreditEntry.objects.create(account=account, amount=-2, balance_after=5, kind=EntryKind.SPEND, reference="forged")

    assert verify_ledger().findings == [Finding(f"account {account.pk}", "balance 7, entries add up to 5", account.pk)]


def test_every_account_that_does_not_add_up_is_named(accounts):
    Account.objects.update(credit=0)

    assert [finding.account_id for finding in verify_ledger().findings] == [account.pk for account in accounts]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: a transaction would stop it")
@pytest.mark.django_db(transaction=True)
def test_checks_see_one_moment_while_others_go_on_booking(accounts, monkeypatch):
    seen = []

    def check():
        for number in range(2):
            seen.append(CreditEntry.objects.count())
            run_together(1, lambda _, number=number: ledger.spend(accounts[0].user_id, 1, reference=f"b:{number}"))
        return []

    monkeypatch.setitem(verification._checks, "probe", check)

    assert verify_ledger().findings == []
    assert seen == [9, 9]
    assert CreditEntry.objects.count() == 11
