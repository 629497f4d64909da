"""Every page of the admin as everybody: it answers, it shows to each what is theirs, and money cannot be edited."""

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.forms.models import model_to_dict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.models import Account, AccountReview, Approval, CreditEntry, Rate, User
from accounts.tests.factories import make_user
from appointments.models import Appointment
from audit.models import Archive, Event, EventPersonal, Seal
from backoffice.tests.expectations import ADMIN
from backoffice.tests.pages import model_admins, page, page_of, rows_of
from backoffice.tests.world import make_world
from catalog.models import PriceChange
from common.admin.paginator import CappedPaginator
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund
from reservations.models import Reservation
from reservations.tests.factories import make_reservation, make_stock

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]

OURS = ("common", "accounts", "catalog", "payments", "reservations", "appointments", "audit")
# Shown on the page of what they belong to, or, as sessions, to their owner alone; version and counters say nothing.
ELSEWHERE = {
    "accounts.RecoveryCode",
    "accounts.SecondFactor",
    "accounts.OneTimeSecret",
    "accounts.TokenFamily",
    "audit.Anchor",
    "appointments.Notice",
    "appointments.TimeOff",
    "appointments.VisitType",
    "appointments.WaitlistOffer",
    "appointments.WorkingHours",
    "catalog.CatalogVersion",
    "catalog.OpeningHours",
    "catalog.PharmacyMember",
    "common.ImportedRow",
    "common.RateCounter",
    "reservations.ReservationLine",
}
UNCHANGEABLE = (
    Account,
    AccountReview,
    Approval,
    CreditEntry,
    Payment,
    PaymentAttempt,
    CallbackMessage,
    PriceChange,
    Refund,
    Reservation,
    Appointment,
    Event,
    EventPersonal,
    Seal,
    Archive,
)
STAFF_SEE = {label for label, pages in ADMIN.items() if "G" in pages["see"]}
PHARMACISTS_SEE = {label for label, pages in ADMIN.items() if "P" in pages["see"]}
# Sign-in and rights: the session, its user, the user's own permissions and those of the groups.
ENTRANCE_QUERIES = 4


def test_every_model_is_registered_or_shown_elsewhere() -> None:
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]

    assert {model._meta.label for model in models if not admin.site.is_registered(model)} == ELSEWHERE


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
def test_pages_of_existing_objects_open(signed_in: SignedIn, role: Role) -> None:
    make_world()
    client = signed_in(make_user(role))

    for model, _model_admin in model_admins():
        if role == Role.STAFF and model._meta.label not in STAFF_SEE:
            continue
        for obj in rows_of(model)[:3]:
            assert client.get(page_of(obj)).status_code == 200, obj


@pytest.mark.parametrize("model", UNCHANGEABLE, ids=lambda model: model.__name__)
def test_money_and_events_cannot_be_edited_by_an_administrator(signed_in: SignedIn, model: type[Model]) -> None:
    make_world()
    client = signed_in(make_user(Role.ADMIN))
    before = list(model._default_manager.order_by("pk").values())
    obj = model._default_manager.order_by("pk").first()
    assert obj is not None
    fields = {name: value for name, value in model_to_dict(obj).items() if value is not None}
    forged = {name: value + 1 if type(value) is int else value for name, value in fields.items()}

    for address in (page(model, "add"), page_of(obj, "change"), page_of(obj, "delete")):
        for given in (fields, forged, {**forged, "post": "yes"}):
            assert client.post(address, {**given, "_save": "1"}).status_code == 403, address
    bulk = {"action": "delete_selected", "_selected_action": str(obj.pk), "post": "yes"}
    client.post(page(model, "changelist"), bulk)

    assert list(model._default_manager.order_by("pk").values())[: len(before)] == before


def test_rates_are_edited_and_the_event_tells_old_and_new(signed_in: SignedIn) -> None:
    make_world()
    staff = make_user(Role.STAFF)
    rate = Rate.objects.get()

    response = signed_in(staff).post(
        page_of(rate), {"label": rate.label, "price": 3_000, "currency": "XAF", "credits": 30, "is_active": "on"}
    )

    assert response.status_code == 302
    rate.refresh_from_db()
    assert rate.price == 3_000
    event = Event.objects.get(action="reference.updated", entity="rate")
    assert event.changes == {"old": {"price": 2_500}, "new": {"price": 3_000}}
    assert (event.actor_kind, event.actor_id) == ("user", str(staff.pk))


def test_rates_are_never_deleted(signed_in: SignedIn) -> None:
    make_world()

    response = signed_in(make_user(Role.ADMIN)).post(page_of(Rate.objects.get(), "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert Rate.objects.count() == 1


def _queries(client: Client, address: str) -> int:
    """Without what is written once the answer is on its way: that somebody looked."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200, address
    return sum(query["sql"].startswith("SELECT") for query in queries.captured_queries)


def test_lists_cost_the_same_few_queries_at_one_and_at_three_rows(signed_in: SignedIn) -> None:
    """As somebody with every permission by name: superusers would hide what permissions cost."""
    make_world()
    client = signed_in(_clerk())
    lists = {page(model, "changelist"): model for model, _model_admin in model_admins()}
    at_one = {address: _queries(client, address) for address in lists}
    make_world()
    make_world()
    at_three = {address: _queries(client, address) for address in lists}

    assert at_three == at_one
    assert {address: count for address, count in at_one.items() if count > ENTRANCE_QUERIES + 5} == {}


def test_a_pharmacists_lists_cost_the_same_at_one_and_at_three_rows(signed_in: SignedIn) -> None:
    world = make_world()
    client = signed_in(world.pharmacist)
    lists = [page(apps.get_model(label), "changelist") for label in sorted(PHARMACISTS_SEE)]
    at_one = [_queries(client, address) for address in lists]
    for _ in range(2):
        make_reservation(stock=make_stock(world.pharmacy))

    assert [_queries(client, address) for address in lists] == at_one
    # One more than staff: which pharmacies are theirs.
    assert max(at_one) <= ENTRANCE_QUERIES + 7


def _clerk() -> User:
    clerk = make_user(Role.STAFF)
    clerk.user_permissions.set(Permission.objects.all())
    return clerk


@pytest.mark.parametrize(
    "query",
    [
        "q=%27",
        "q=%25_%5C",
        "q=é",
        "q=12345678901234567890123",
        "q=%2B",
        "q=a@b",
        "q=077123456",
        "q=4c0d7a5e-7c7c-4a4e-8f4e-2f3f6f6f6f6f",
        "q=token-1",
        "q=payment:1",
        "q=" + "x" * 2_000,
        "period=week",
        "period=zzz",
        "status__exact=zzz",
        "status__exact=due&status__exact=requested",
        "provider=mypayga",
        "paid=no",
        "pharmacy__id__exact=abc",
        "p=999",
        "p=-1",
        "o=99",
        "all=",
        "e=1",
        "nothing=1",
    ],
)
def test_no_search_or_filter_breaks_a_list(signed_in: SignedIn, query: str) -> None:
    make_world()
    client = signed_in(make_user(Role.ADMIN))

    for model, _model_admin in model_admins():
        assert client.get(f"{page(model, 'changelist')}?{query}").status_code in (200, 302), model


@pytest.mark.parametrize("lookup", ["password__startswith=argon2", "password=x", "token_version=1"])
def test_passwords_cannot_be_guessed_by_filters(signed_in: SignedIn, lookup: str) -> None:
    assert signed_in(make_user(Role.ADMIN)).get(f"{page(User, 'changelist')}?{lookup}").status_code == 400


def test_a_long_list_is_counted_up_to_the_cap_and_says_so(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CappedPaginator, "CAP", 2)
    admin_user = make_user(Role.ADMIN)
    make_user()
    exactly = signed_in(admin_user).get(page(User, "changelist")).content.decode()
    make_user()
    more = signed_in(admin_user).get(page(User, "changelist")).content.decode()

    assert "plus de" not in exactly
    assert "plus de 2 utilisateurs" in more


def test_an_empty_list_says_what_to_do(signed_in: SignedIn) -> None:
    client = signed_in(make_user(Role.ADMIN))

    assert "Ajoutez un premier forfait" in client.get(page(Rate, "changelist")).content.decode()
    assert "dès qu&#x27;un patient" in client.get(page(Reservation, "changelist")).content.decode()
    nobody = client.get(f"{page(User, 'changelist')}?q=personne@example.net").content.decode()
    assert "Aucune ligne ne correspond" in nobody


def test_pages_speak_french(signed_in: SignedIn) -> None:
    make_world()
    client = signed_in(make_user(Role.ADMIN))
    english = ("Filters", "Apply", "Search apps", "Welcome back", "Select value", "Run<", "Reset", ">Close<", "Add ")

    for model, _model_admin in model_admins():
        for address in (page(model, "changelist"), page_of(rows_of(model)[0])):
            content = client.get(address).content.decode()
            assert [word for word in english if word in content] == [], address


def test_scripts_in_stored_text_stay_text(signed_in: SignedIn) -> None:
    world = make_world()

    content = signed_in(make_user(Role.ADMIN)).get(page_of(world.callback)).content.decode()

    assert "&lt;script&gt;" in content


def test_personal_values_of_events_show_only_with_their_own_permission(signed_in: SignedIn) -> None:
    world = make_world()
    event = Event.objects.get(action="user.created", entity_id=str(world.patient.pk))
    seen_by_staff = signed_in(make_user(Role.STAFF)).get(page_of(event)).content.decode()
    seen_by_admin = signed_in(make_user(Role.ADMIN)).get(page_of(event)).content.decode()

    assert world.patient.email not in seen_by_staff
    assert world.patient.email in seen_by_admin
