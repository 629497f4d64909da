"""The four doors of the ledger, one by one; many at once are in test_ledger_races."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.enums import EntryKind
from accounts.exceptions import AccountDisabled, InsufficientCredits, UnknownAccount
from accounts.models import Account, CreditEntry, Rate
from accounts.services import ledger
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from audit.models import Event
from common.errors import Invalid
from common.tests.rows import contents
from common.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return make_user(credits=10)


def _last(user):
    return CreditEntry.objects.filter(account__user=user).latest("id")


def test_new_person_has_the_welcome_credits_booked_once(settings):
    settings.WELCOME_CREDITS = 7
    user = make_user()

    entry = CreditEntry.objects.get(account__user=user)
    assert (entry.amount, entry.balance_after, entry.kind) == (7, 7, EntryKind.WELCOME)
    assert entry.reference == f"user:{user.pk}"
    assert balance(user) == 7


def test_no_welcome_credits_no_entry(settings):
    settings.WELCOME_CREDITS = 0
    user = make_user()

    assert balance(user) == 0
    assert not CreditEntry.objects.exists()


def test_spend_lowers_the_balance_and_books_it(user):
    ledger.spend(user.pk, 3, reference="reservation:a", label="Réservation", by=user)

    entry = _last(user)
    assert balance(user) == 7
    assert (entry.amount, entry.balance_after, entry.kind) == (-3, 7, EntryKind.SPEND)
    assert (entry.reference, entry.label, entry.created_by) == ("reservation:a", "Réservation", user)


def test_spend_down_to_zero_is_allowed(user):
    ledger.spend(user.pk, 10, reference="a")

    assert balance(user) == 0


def test_spend_of_more_than_there_is_changes_nothing(user):
    before = contents()

    with pytest.raises(InsufficientCredits):
        ledger.spend(user.pk, 11, reference="a")

    assert contents() == before


def test_spend_of_nothing_books_nothing(user):
    before = contents()

    ledger.spend(user.pk, 0, reference="a")

    assert contents() == before


@pytest.mark.parametrize("credits", [0, 1, 11])
def test_spend_from_a_disabled_account_changes_nothing(user, credits):
    Account.objects.filter(user=user).update(is_active=False)
    before = contents()

    with pytest.raises(AccountDisabled):
        ledger.spend(user.pk, credits, reference="a")

    assert contents() == before


def test_negative_spend_is_a_programming_error(user):
    before = contents()

    with pytest.raises(ValueError, match="not negative"):
        ledger.spend(user.pk, -1, reference="a")

    assert contents() == before


def test_refund_also_reaches_a_disabled_account(user):
    ledger.spend(user.pk, 4, reference="reservation:a")
    Account.objects.filter(user=user).update(is_active=False)

    ledger.refund(user.pk, 4, reference="reservation:a", label="Annulée")

    entry = _last(user)
    assert balance(user) == 10
    assert (entry.amount, entry.balance_after, entry.kind, entry.created_by) == (4, 10, EntryKind.REFUND, None)


def test_refund_of_nothing_books_nothing(user):
    before = contents()

    ledger.refund(user.pk, 0, reference="a")

    assert contents() == before


@pytest.mark.parametrize("kind", [EntryKind.GRANT, EntryKind.RATE, EntryKind.WELCOME])
def test_grant_adds_credits(user, kind):
    ledger.grant(user.pk, 25, kind=kind, reference="gift:1", by=None)

    entry = _last(user)
    assert (balance(user), entry.amount, entry.balance_after, entry.kind) == (35, 25, 35, kind)


@pytest.mark.parametrize("kind", [EntryKind.SPEND, EntryKind.REFUND, EntryKind.ADJUST])
def test_grant_of_another_kind_is_a_programming_error(user, kind):
    with pytest.raises(ValueError, match="is no grant"):
        ledger.grant(user.pk, 1, kind=kind, reference="a", by=None)


@pytest.mark.parametrize("credits", [0, -1])
def test_grant_of_nothing_is_a_programming_error(user, credits):
    before = contents()

    with pytest.raises(ValueError, match="positive"):
        ledger.grant(user.pk, credits, reference="a", by=None)

    assert contents() == before


@pytest.mark.parametrize("credits, left", [(5, 15), (-10, 0)])
def test_adjust_goes_in_both_directions(user, credits, left):
    ledger.adjust(user.pk, credits, reason=" Erreur de caisse ", reference="ticket:1", by=user)

    entry = _last(user)
    assert (balance(user), entry.amount, entry.balance_after) == (left, credits, left)
    assert (entry.kind, entry.label, entry.created_by) == (EntryKind.ADJUST, "Erreur de caisse", user)


@pytest.mark.parametrize(
    "credits, reason, error",
    [(0, "motif", Invalid), (1, " ", Invalid), (-11, "motif", InsufficientCredits)],
)
def test_adjust_refused_changes_nothing(user, credits, reason, error):
    before = contents()

    with pytest.raises(error):
        ledger.adjust(user.pk, credits, reason=reason, reference="a", by=user)

    assert contents() == before


def test_account_that_does_not_exist(user):
    before = contents()

    with pytest.raises(UnknownAccount):
        ledger.grant(10**9, 1, reference="a", by=None)
    with pytest.raises(UnknownAccount):
        ledger.refund(10**9, 1, reference="a")
    with pytest.raises(UnknownAccount):
        ledger.adjust(10**9, 1, reason="motif", reference="a", by=user)

    assert contents() == before


def test_same_cause_booked_twice_changes_nothing(user):
    ledger.spend(user.pk, 3, reference="reservation:a")
    before = contents()

    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.spend(user.pk, 3, reference="reservation:a")

    assert contents() == before
    assert balance(user) == 7


def test_same_reference_under_another_kind_is_another_cause(user):
    ledger.spend(user.pk, 3, reference="reservation:a")
    ledger.refund(user.pk, 3, reference="reservation:a")

    assert balance(user) == 10


def test_same_cause_twice_inside_one_unit_of_work_loses_all_of_it(user):
    before = contents()

    @unit_of_work()
    def grant_twice():
        ledger.grant(user.pk, 5, reference="a", by=None)
        ledger.grant(user.pk, 5, reference="a", by=None)

    with pytest.raises(IntegrityError):
        grant_twice()

    assert contents() == before


def test_several_moves_in_one_unit_of_work_keep_their_order(user):
    with unit_of_work():
        ledger.spend(user.pk, 4, reference="a")
        ledger.grant(user.pk, 10, reference="b", by=None)
        ledger.spend(user.pk, 16, reference="c")

    entries = CreditEntry.objects.filter(account__user=user).order_by("id")
    assert [(e.amount, e.balance_after) for e in entries] == [(10, 10), (-4, 6), (10, 16), (-16, 0)]
    assert verify_ledger().findings == []


@pytest.mark.django_db(transaction=True)
def test_same_cause_booked_twice_outside_any_transaction_changes_nothing(user):
    ledger.spend(user.pk, 3, reference="reservation:a")
    assert not connection.in_atomic_block
    before = contents()

    with pytest.raises(IntegrityError):
        ledger.spend(user.pk, 3, reference="reservation:a")

    assert contents() == before


def test_database_refuses_a_negative_balance(user):
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(user=user).update(credit=-1)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0},
        {"balance_after": -1},
        {"kind": "theft"},
    ],
)
def test_database_refuses_an_impossible_entry(user, fields):
    values = {"amount": 1, "balance_after": 1, "kind": EntryKind.GRANT, "reference": "x", **fields}

    with pytest.raises(IntegrityError), transaction.atomic():
        CreditEntry.objects.create(account=user.account, **values)


def test_spend_from_an_account_books_it_and_tells_the_account(user):
    rate = Rate.objects.create(label="Dix", price=1000, credits=10)
    Account.objects.filter(user=user).update(rate=rate)
    account = ledger.spend_from(user.account.pk, user.pk, 3, reference="legacy:a", label="x", by=user)

    entry = _last(user)
    assert (account.credit, account.rate, balance(user)) == (7, rate, 7)
    assert (entry.amount, entry.balance_after, entry.kind, entry.reference) == (-3, 7, EntryKind.SPEND, "legacy:a")
    assert Event.objects.filter(action="credits.spend", entity_id=str(account.pk), amount=-3).count() == 1
    assert verify_ledger().findings == []


@pytest.mark.parametrize("whose", ["unknown", "somebody else's"])
def test_spend_from_an_account_that_is_not_theirs_does_nothing(user, whose):
    other = make_user(credits=10)
    before = CreditEntry.objects.count()

    assert ledger.spend_from(999_999 if whose == "unknown" else other.account.pk, user.pk, 1, reference="a") is None
    assert (balance(user), balance(other), CreditEntry.objects.count()) == (10, 10, before)


def test_spend_from_an_account_with_too_little_or_switched_off_is_refused(user):
    with pytest.raises(InsufficientCredits):
        ledger.spend_from(user.account.pk, user.pk, 11, reference="a")
    Account.objects.filter(user=user).update(is_active=False)
    with pytest.raises(AccountDisabled):
        ledger.spend_from(user.account.pk, user.pk, 1, reference="a")
    with pytest.raises(ValueError, match="takes something"):
        ledger.spend_from(user.account.pk, user.pk, 0, reference="a")

    assert balance(user) == 10


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no round trips")
@pytest.mark.django_db(transaction=True)
def test_spend_from_an_account_takes_two_trips(user):
    account = user.account.pk
    with CaptureQueriesContext(connection) as queries:
        ledger.spend_from(account, user.pk, 1, reference="legacy:a", by=user)

    # Django notes its own BEGIN and COMMIT, which travel with the others.
    assert len([query for query in queries if query["sql"] not in ("BEGIN", "COMMIT")]) == 2
