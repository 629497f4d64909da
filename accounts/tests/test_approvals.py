"""Two pairs of eyes: who asks does not decide, deciding carries out, and nothing happens otherwise."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.enums import Role
from accounts.exceptions import AccountDisabled, ApprovalPending, InsufficientCredits, NotOwnApproval, OwnApproval
from accounts.models import Account, Approval, CreditEntry
from accounts.services import approvals, corrections, ledger
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user, set_credits
from audit.models import Event
from common.errors import Forbidden, Invalid
from common.states import IllegalMove
from common.tests.rows import contents
from tests.threads import run_together

pytestmark = pytest.mark.django_db

LIMIT = 500


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.TWO_EYES_CREDITS = LIMIT


@pytest.fixture
def staff():
    return make_user(Role.STAFF)


@pytest.fixture
def colleague():
    return make_user(Role.STAFF)


@pytest.fixture
def account():
    return make_user(credits=10).account


def grant(account, credits, by, reason="geste commercial"):
    return corrections.grant_credits(account, credits=credits, reason=reason, by=by)


def adjust(account, credits, by, reason="erreur de saisie"):
    return corrections.adjust_credits(account, credits=credits, reason=reason, by=by)


def actions(prefix="approval."):
    return list(Event.objects.filter(action__startswith=prefix).order_by("id").values_list("action", flat=True))


def test_up_to_the_amount_it_is_done_at_once(account, staff):
    assert grant(account, LIMIT, staff) is None
    assert adjust(account, -LIMIT, staff) is None

    assert balance(account.user) == 10
    entries = CreditEntry.objects.filter(account=account, created_by=staff).order_by("id")
    assert [(entry.kind, entry.amount, entry.label) for entry in entries] == [
        ("grant", 500, "geste commercial"),
        ("adjust", -500, "erreur de saisie"),
    ]
    assert Approval.objects.count() == 0


@pytest.mark.parametrize("move, credits", [(grant, LIMIT + 1), (adjust, LIMIT + 1), (adjust, -LIMIT - 1)])
def test_above_the_amount_it_waits_and_is_carried_out_by_the_decision(move, credits, account, staff, colleague):
    set_credits(account.user, 1_000)
    approval = move(account, credits, staff)

    assert (balance(account.user), approval.status, approval.requested_by) == (1_000, "requested", staff)
    decided = approvals.approve(approval, by=colleague)

    assert balance(account.user) == 1_000 + credits
    entry = CreditEntry.objects.latest("id")
    assert (entry.amount, entry.reference, entry.created_by) == (credits, f"approval:{approval.public_id}", colleague)
    assert (decided.status, decided.decided_by) == ("approved", colleague)
    assert actions() == ["approval.requested", "approval.approved"]
    event = Event.objects.get(action="approval.requested")
    assert (event.entity_id, event.amount) == (str(approval.public_id), credits)
    assert verify_ledger().findings == []


def test_nobody_decides_about_their_own_request(account, staff):
    approval = grant(account, LIMIT + 1, staff)
    admin = make_user(Role.ADMIN)
    own = grant(make_user().account, LIMIT + 1, admin)
    before = contents()

    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(OwnApproval), transaction.atomic():
            decide(approval, by=staff)
        with pytest.raises(OwnApproval), transaction.atomic():
            decide(own, by=admin)

    assert contents() == before


def test_whoever_gains_by_it_does_not_decide_either(staff, colleague):
    """Two colleagues cannot give each other credits; and one's own account takes another person whatever the amount."""
    approval = grant(staff.account, LIMIT + 1, colleague)
    own = grant(colleague.account, 1, colleague)

    with pytest.raises(OwnApproval), transaction.atomic():
        approvals.approve(approval, by=staff)
    assert own.status == "requested"
    approvals.approve(own, by=staff)
    assert balance(colleague) == 11


def test_database_refuses_one_pair_of_eyes(account, staff, colleague):
    approval = grant(account, LIMIT + 1, staff)
    rows = Approval.objects.filter(pk=approval.pk)
    now = timezone.now()

    for wrong in (
        {"status": "approved", "decided_by": staff, "decided_at": now},
        {"status": "refused", "decided_by": account.user, "decided_at": now},
        {"status": "approved"},
        {"status": "approved", "decided_by": colleague},
        {"decided_by": colleague, "decided_at": now},
        {"amount": 0},
        {"reason": ""},
        {"status": "done"},
        {"status": "withdrawn", "decided_by": colleague, "decided_at": now},
        {"status": "withdrawn"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_refused_nothing_happens_and_it_may_be_asked_again(account, staff, colleague):
    approval = grant(account, LIMIT + 1, staff)
    refused = approvals.refuse(approval, by=colleague, note=" trop ")

    assert (refused.status, refused.note, balance(account.user)) == ("refused", "trop", 10)
    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(IllegalMove), transaction.atomic():
            decide(approval, by=colleague)
    assert grant(account, LIMIT + 2, staff).status == "requested"
    assert actions() == ["approval.requested", "approval.refused", "approval.requested"]


def test_who_asked_withdraws_and_may_ask_again(account, staff, colleague):
    approval = grant(account, LIMIT + 1, staff)

    withdrawn = approvals.withdraw(approval, by=staff)

    assert (withdrawn.status, withdrawn.decided_by, balance(account.user)) == ("withdrawn", staff, 10)
    assert withdrawn.decided_at is not None
    event = Event.objects.get(action="approval.withdrawn")
    assert (event.entity_id, event.amount) == (str(approval.public_id), LIMIT + 1)
    for decide, by in ((approvals.approve, colleague), (approvals.refuse, colleague), (approvals.withdraw, staff)):
        with pytest.raises(IllegalMove), transaction.atomic():
            decide(approval, by=by)
    assert grant(account, LIMIT + 2, staff).status == "requested"
    assert actions() == ["approval.requested", "approval.withdrawn", "approval.requested"]
    assert verify_ledger().findings == []


def test_who_asked_in_their_own_favour_withdraws_too(staff):
    own = grant(staff.account, 1, staff)

    assert approvals.withdraw(own, by=staff).status == "withdrawn"


def test_nobody_else_withdraws(account, staff, colleague):
    approval, admin = grant(account, LIMIT + 1, staff), make_user(Role.ADMIN)
    before = contents()

    for other in (colleague, account.user, admin):
        with pytest.raises(NotOwnApproval), transaction.atomic():
            approvals.withdraw(approval, by=other)

    assert contents() == before


def test_decided_cannot_be_withdrawn(account, staff, colleague):
    for decide in (approvals.approve, approvals.refuse):
        approval = grant(account, LIMIT + 1, staff)
        decide(approval, by=colleague)
        before = contents()

        with pytest.raises(IllegalMove), transaction.atomic():
            approvals.withdraw(approval, by=staff)

        assert contents() == before


def test_one_open_request_about_an_account(account, staff, colleague):
    grant(account, LIMIT + 1, staff)

    for by in (staff, colleague):
        with pytest.raises(ApprovalPending), transaction.atomic():
            adjust(account, LIMIT + 1, by)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(
            kind="x",
            subject=f"account:{account.pk}",
            amount=1,
            reason="r",
            requested_by=staff,
            beneficiary=account.user,
        )
    assert grant(make_user().account, LIMIT + 1, staff).status == "requested"


def test_many_small_ones_are_one_large_one(account, staff, colleague):
    for _ in range(5):
        assert grant(account, 100, staff) is None
    waiting = grant(account, 1, staff)

    assert waiting.amount == 1
    assert adjust(account, -100, colleague) is None, "another person has an amount of their own"
    assert balance(account.user) == 410


def spend(account, credits, by):
    return corrections.spend_for(account, credits=credits, label="x", by=by)


def test_what_staff_spend_for_somebody_counts_like_what_they_correct(account, staff, colleague):
    set_credits(account.user, 2_000)

    assert spend(account, 300, staff) is None
    waiting = adjust(account, -201, staff)
    assert spend(account, LIMIT, colleague) is None
    assert (waiting.status, balance(account.user)) == ("requested", 1_200)
    approvals.withdraw(waiting, by=staff)
    approval = spend(account, 201, staff)
    assert (approval.kind, approval.amount, approval.reason) == ("credits.spend", -201, "x")
    approvals.approve(approval, by=colleague)
    entry = CreditEntry.objects.latest("id")
    assert (entry.kind, entry.amount, balance(account.user)) == ("spend", -201, 999)
    assert verify_ledger().findings == []
    with pytest.raises(ValueError, match="takes something"):
        spend(account, 0, staff)


def test_spend_that_waits_is_not_carried_out_for_a_disabled_account(account, staff, colleague):
    set_credits(account.user, 2_000)
    approval = spend(account, LIMIT + 1, staff)
    Account.objects.filter(pk=account.pk).update(is_active=False)
    before = contents()

    with pytest.raises(AccountDisabled), transaction.atomic():
        approvals.approve(approval, by=colleague)
    assert contents() == before


def test_amount_of_zero_makes_everything_wait(account, staff, settings):
    settings.TWO_EYES_CREDITS = 0

    assert grant(account, 1, staff).status == "requested"
    assert balance(account.user) == 10


def test_world_that_moved_on_is_looked_at_again(account, staff, colleague):
    set_credits(account.user, 1_000)
    approval = adjust(account, -800, staff)
    ledger.spend(account.user_id, 500, reference="reservation:a")
    before = contents()

    with pytest.raises(InsufficientCredits), transaction.atomic():
        approvals.approve(approval, by=colleague)

    assert contents() == before
    ledger.refund(account.user_id, 500, reference="reservation:a")
    approvals.approve(approval, by=colleague)
    assert balance(account.user) == 200


@pytest.mark.parametrize("missing", ["accounts.decide_approval", "accounts.grant_credits"])
def test_deciding_needs_the_right_to_decide_and_the_right_to_ask(missing, account, staff):
    approval = grant(account, LIMIT + 1, staff)
    auditor = make_user(Role.STAFF)
    auditor.groups.clear()
    for name in {"accounts.decide_approval", "accounts.grant_credits"} - {missing}:
        auditor.user_permissions.add(Permission.objects.get(codename=name.split(".")[1]))
    before = contents()

    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(Forbidden) as refusal, transaction.atomic():
            decide(approval, by=auditor)
        assert refusal.value.code == "permission_denied"
    assert contents() == before


@pytest.mark.parametrize(
    "move, credits, reason, error",
    [
        (grant, 0, "r", Invalid),
        (grant, -1, "r", Invalid),
        (grant, 10**9 + 1, "r", Invalid),
        (grant, 1, "  ", Invalid),
        (adjust, 0, "r", Invalid),
        (adjust, 10**9 + 1, "r", Invalid),
        (adjust, -(10**9) - 1, "r", Invalid),
        (adjust, 1, "", Invalid),
        (adjust, -11, "r", InsufficientCredits),
    ],
)
def test_refused_request_changes_nothing(move, credits, reason, error, account, staff):
    before = contents()

    with pytest.raises(error), transaction.atomic():
        move(account, credits, staff, reason=reason)

    assert contents() == before


@pytest.mark.django_db(transaction=True)
def test_many_decide_at_once_it_is_carried_out_once(staff, account):
    approval = grant(account, LIMIT + 1, staff)
    people = [make_user(Role.STAFF) for _ in range(10)]

    def decide(number):
        (approvals.refuse if number % 3 == 0 else approvals.approve)(approval, by=people[number])

    results = run_together(len(people), decide)

    assert results.count(None) == 1
    assert {type(result) for result in results if result is not None} == {IllegalMove}
    approval.refresh_from_db()
    assert balance(account.user) == (511 if approval.status == "approved" else 10)
    assert len(actions()) == 2


@pytest.mark.django_db(transaction=True)
def test_withdrawn_and_approved_at_once_one_of_them_holds(staff, colleague):
    for _again in range(5):
        account = make_user(credits=10).account
        approval = grant(account, LIMIT + 1, staff)

        def move(number, approval=approval):
            (approvals.withdraw(approval, by=staff) if number % 2 else approvals.approve(approval, by=colleague))

        results = run_together(4, move)

        assert results.count(None) == 1
        assert {type(result) for result in results if result is not None} == {IllegalMove}
        approval.refresh_from_db()
        assert (approval.status, balance(account.user)) in (("withdrawn", 10), ("approved", 511))
    assert verify_ledger().findings == []


@pytest.mark.django_db(transaction=True)
def test_many_small_ones_at_once_do_not_slip_through(staff, account):
    """The account's row is locked before what was moved is added up."""
    results = run_together(10, lambda _: grant(account, 100, staff))

    assert results.count(None) == 5
    assert balance(account.user) == 510
    assert Approval.objects.filter(status="requested").count() == 1
    assert sum(isinstance(result, ApprovalPending) for result in results) == 4


@pytest.mark.django_db(transaction=True)
def test_many_small_spends_at_once_do_not_slip_through_either(staff, account):
    set_credits(account.user, 2_000)
    results = run_together(10, lambda _: spend(account, 100, staff))

    assert (results.count(None), balance(account.user)) == (5, 1_500)
    assert Approval.objects.get().amount == -100
    assert sum(isinstance(result, ApprovalPending) for result in results) == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: there is no lock to take away")
def test_without_the_lock_they_do(staff, account, monkeypatch):
    everybody_has_summed = threading.Barrier(10)
    takes_two = corrections._takes_two

    def summed(*arguments):
        answer = takes_two(*arguments)
        everybody_has_summed.wait(timeout=30)
        return answer

    monkeypatch.setattr(corrections, "_takes_two", summed)
    monkeypatch.setattr(Account.objects, "select_for_update", lambda **kwargs: Account.objects.all())

    assert run_together(10, lambda _: grant(account, 100, staff)) == [None] * 10
    assert balance(account.user) == 1_010


def test_a_day_later_the_amount_is_free_again(account, staff):
    grant(account, LIMIT, staff)
    assert grant(account, LIMIT, staff).status == "requested"
    Approval.objects.all().delete()

    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        assert grant(account, LIMIT, staff) is None
