"""What an event says, who did it, and that it can be proved from the rows alone."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.services import ledger
from accounts.services.accounts import switch_account
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event, EventPersonal
from audit.services import MASKED, mask_secrets, record
from audit.tests.proof import personal_proves, proves, unproven
from common.context import acting, set_actor
from common.tests.rows import contents
from common.unit_of_work import unit_of_work
from reservations.enums import Status
from reservations.services import handling
from reservations.tests.factories import make_pharmacist, make_reservation, make_stock, pay, set_reserve_price

pytestmark = pytest.mark.django_db


def test_event_says_who_did_what_to_what_from_where():
    before = timezone.now()
    with acting("user", "7", request_id="request-1", ip="2001:db8::1"):
        record(
            Action.CREDITS_GRANT,
            entity="account",
            entity_id=5,
            amount=-3,
            changes={"balance_after": 4},
            personal={"email": "x@example.org"},
        )

    event = Event.objects.get()
    assert (event.action, event.entity, event.entity_id, event.amount) == ("credits.grant", "account", "5", -3)
    assert (event.actor_kind, event.actor_id, event.request_id) == ("user", "7", "request-1")
    assert event.changes == {"balance_after": 4}
    assert before <= event.occurred_at <= timezone.now()
    assert re.fullmatch("[0-9a-f]{64}", event.commitment)
    assert re.fullmatch("[0-9a-f]{64}", event.mac)
    assert re.fullmatch("[0-9a-f]{32}", event.personal.salt)
    assert (event.personal.ip, event.personal.values) == ("2001:db8::1", {"email": "x@example.org"})
    assert proves(event)
    assert personal_proves(event.personal)


def test_least_that_an_event_says():
    record(Action.PRODUCTS_IMPORTED, entity="product")

    event = Event.objects.get()
    assert (event.entity_id, event.amount, event.changes, event.personal.values) == ("", None, {}, {})
    assert (event.actor_kind, event.actor_id) == ("system", "")


def test_same_values_twice_are_committed_to_differently():
    for _ in range(2):
        record(Action.USER_CREATED, entity="user", entity_id=1, personal={"email": "x@example.org"})

    first, second = Event.objects.all()
    assert first.commitment != second.commitment
    assert first.personal.salt != second.personal.salt


def test_actor_named_within_a_request():
    with acting("anonymous", request_id="r", ip="::1"):
        record(Action.USER_SIGN_IN_FAILED, entity="user")
        set_actor("user", 9)
        record(Action.USER_SIGNED_IN, entity="user", entity_id=9)

    assert list(Event.objects.order_by("id").values_list("actor_kind", "actor_id", "request_id")) == [
        ("anonymous", "", "r"),
        ("user", "9", "r"),
    ]


@pytest.mark.parametrize(
    "value, masked",
    [
        ({"password": "x"}, {"password": MASKED}),
        ({"Old_PASSWORD": "x", "name": "y"}, {"Old_PASSWORD": MASKED, "name": "y"}),
        ({"a": {"apikey": 1, "api_key": 2, "b": 3}}, {"a": {"apikey": MASKED, "api_key": MASKED, "b": 3}}),
        ({"rows": [{"payment_token": "t"}, "x"]}, {"rows": [{"payment_token": MASKED}, "x"]}),
        ({"otp": {"deep": 1}, "client_secret": None}, {"otp": MASKED, "client_secret": MASKED}),
        ({"credits": 5}, {"credits": 5}),
    ],
)
def test_secrets_are_masked(value, masked):
    assert mask_secrets(value) == masked

    record(Action.USER_CREATED, entity="user", changes=value, personal=value)
    event = Event.objects.get()
    assert event.changes == masked
    assert event.personal.values == masked
    assert unproven() == []


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        date(2026, 1, 31),
        UUID(int=5),
        Decimal("1.50"),
        gettext_lazy("Réservée"),
        Status.READY,
        ("a", "b"),
        {1: "a", 10: "b", 2: "c"},
        0.3924,
        -0.0,
        1e16,
        1e-7,
        5e-324,
        1.5e300,
        10**30,
        True,
        None,
        'é 💊 \u2028 \\ " \n',
    ],
    ids=str,
)
def test_whatever_is_recorded_can_be_proved_from_the_row(value):
    record(Action.REFERENCE_UPDATED, entity="x", changes={"new": value}, personal={"new": value})

    assert unproven() == []


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), _JSON, max_size=3))
def test_any_json_can_be_proved_from_the_row(value):
    record(Action.REFERENCE_UPDATED, entity="x", changes=value, personal=value)

    event = Event.objects.latest("id")
    assert proves(event)
    assert personal_proves(event.personal)


def _journey():
    """Most kinds of events there are, by the services that cause them."""
    set_reserve_price(2)
    stock = make_stock(quantity=10)
    pharmacist = make_pharmacist(stock.pharmacy)
    patient = make_user(credits=10)
    first, second, third = (make_reservation(user=patient, stock=stock) for _ in range(3))
    pay(first)
    handling.mark_ready(first, by=pharmacist)
    handling.collect(first, pickup_code=first.pickup_code, by=pharmacist)
    handling.cancel(second, by=patient)
    pay(third)
    handling.reject(third, reason="Rupture : « plus rien »", by=pharmacist)
    stock.pharmacy.latitude = -0.0
    stock.pharmacy.save()
    stock.pharmacy.members.all().delete()


def test_every_event_of_a_journey_can_be_proved():
    with acting("user", "1", request_id="r-1", ip="10.0.0.1"):
        _journey()

    assert Event.objects.count() > 15
    assert unproven() == []


def test_nothing_happens_by_nobody():
    _journey()

    assert not Event.objects.filter(actor_kind="").exists()
    assert set(Event.objects.values_list("actor_kind", flat=True)) == {"system"}


@pytest.mark.parametrize(
    "field, value",
    [
        ("action", "credits.spend"),
        ("entity", "user"),
        ("entity_id", "6"),
        ("actor_id", "8"),
        ("actor_kind", "system"),
        ("request_id", "r-2"),
        ("amount", 1_000_000),
        ("amount", None),
        ("changes", {"balance_after": 5}),
        ("commitment", "0" * 64),
        ("occurred_at", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_event_that_was_changed_is_not_proved(field, value):
    with acting("user", "7", request_id="r-1"):
        record(Action.CREDITS_GRANT, entity="account", entity_id=5, amount=3, changes={"balance_after": 4})
    event = Event.objects.get()
    assert proves(event)

    setattr(event, field, value)
    assert not proves(event)


@pytest.mark.parametrize("change", [{"ip": "9.9.9.9"}, {"values": {"email": "y"}}, {"salt": "0" * 32}])
def test_personal_values_that_were_changed_are_not_proved(change):
    record(Action.USER_CREATED, entity="user", personal={"email": "x"})
    EventPersonal.objects.update(**change)

    assert not personal_proves(EventPersonal.objects.get())
    assert proves(Event.objects.get())


def test_key_is_not_in_the_database(settings):
    record(Action.USER_CREATED, entity="user")
    settings.AUDIT_KEY = "another key that nobody used before"

    assert not proves(Event.objects.get())


def test_erasing_a_person_leaves_the_proof():
    record(Action.USER_CREATED, entity="user", entity_id=1, personal={"email": "x@example.org"})
    EventPersonal.objects.all().delete()

    event = Event.objects.get()
    assert proves(event)
    assert "x@example.org" not in str(contents())


def test_event_cannot_be_written_twice():
    record(Action.USER_CREATED, entity="user")
    event = Event.objects.get()
    event.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        event.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_event_and_its_personal_part_are_written_together(monkeypatch):
    monkeypatch.setattr("audit.services._PERSONAL_COLUMNS", ("commitment", "salt", "ip", "nowhere"))

    with pytest.raises(DatabaseError):
        record(Action.USER_CREATED, entity="user")

    assert not Event.objects.exists()
    assert not connection.in_atomic_block


def test_change_and_event_succeed_or_fail_together(monkeypatch):
    user, stock = make_user(credits=10), make_stock()
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError("no event")

    for app in ("accounts", "reservations"):
        monkeypatch.setattr(f"audit.receivers.{app}.record", fail)

    for change in (
        lambda: ledger.spend(user.pk, 3, reference="a"),
        lambda: make_user(),
        lambda: make_reservation(user=user, stock=stock),
        lambda: switch_account(user.account, is_active=False, by=user),
    ):
        with pytest.raises(RuntimeError):
            change()
        assert contents() == before


def test_event_goes_with_the_change_that_failed_later():
    user = make_user(credits=10)
    before = contents()

    def spend_and_fail():
        with unit_of_work():
            ledger.spend(user.pk, 3, reference="a")
            raise LookupError

    with pytest.raises(LookupError):
        spend_and_fail()
    assert contents() == before


def test_every_action_is_a_code_that_fits_its_column():
    for action in Action:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", action.value)
        assert len(action.value) <= 40
        assert str(action.label)
    for kind in ledger.EntryKind:
        assert Action(f"credits.{kind}")
    for status in Status:
        assert Action(f"reservation.{status}")
