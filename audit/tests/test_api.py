"""Who reads which events."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.services import ledger
from accounts.services.accounts import switch_account
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event
from audit.services import record
from common.context import acting
from common.tests.rows import contents
from reservations.services import handling
from reservations.tests.factories import make_pharmacist, make_reservation

pytestmark = pytest.mark.django_db

ALL, MINE = "/api/v1/events/", "/api/v1/me/events/"


def _rows(response):
    assert response.status_code == 200, response.content
    return response.json()["results"]


@pytest.mark.parametrize(
    "role, status",
    [(Role.PATIENT, 403), (Role.DOCTOR, 403), (Role.PHARMACIST, 403), (Role.STAFF, 200), (Role.ADMIN, 200)],
)
def test_whole_log_needs_its_permission(api, role, status):
    response = api(make_user(role)).get(ALL)

    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "permission_denied"
        assert "results" not in response.json()


def test_permission_by_name_is_enough(api):
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="view_event", content_type__app_label="audit"))

    assert api(user).get(ALL).status_code == 200


def test_log_needs_a_sign_in(api):
    assert api().get(ALL).status_code == 401
    assert api().get(MINE).status_code == 401


def test_event_as_it_is_shown(api):
    staff = make_user(Role.STAFF)
    with acting("user", "7", request_id="r-00001", ip="10.1.2.3"):
        record(Action.CREDITS_SPEND, entity="account", entity_id=5, amount=-2, changes={"a": 1}, personal={"b": 2})

    row = _rows(api(staff).get(ALL))[0]
    event = Event.objects.latest("id")
    assert row == {
        "id": event.pk,
        "occurred_at": timezone.localtime(event.occurred_at).isoformat(),
        "action": "credits.spend",
        "entity": "account",
        "entity_id": "5",
        "actor_id": "7",
        "actor_kind": "user",
        "request_id": "r-00001",
        "amount": -2,
        "changes": {"a": 1},
    }


def test_personal_values_are_in_no_answer(api):
    staff = make_user(Role.STAFF, email="secret@example.org")
    with acting("user", "7", ip="203.0.113.7"):
        make_user(email="other@example.org")

    for url in (ALL, MINE):
        text = api(staff).get(url).content.decode()
        assert "secret@example.org" not in text
        assert "other@example.org" not in text
        assert "203.0.113.7" not in text


def test_filters(api):
    client = api(make_user(Role.STAFF))
    start = timezone.now()
    with acting("user", "7", request_id="req-0007"):
        record(Action.CREDITS_SPEND, entity="account", entity_id=5)
    middle = timezone.now()
    with acting("task", "sweep", request_id="req-0008"):
        record(Action.RESERVATION_EXPIRED, entity="reservation", entity_id="abc")

    def found(**params):
        params.setdefault("occurred_after", start.isoformat())
        return [row["action"] for row in _rows(client.get(ALL, params))]

    assert found() == ["reservation.expired", "credits.spend"]
    assert found(action="credits.spend") == ["credits.spend"]
    assert found(entity="reservation", entity_id="abc") == ["reservation.expired"]
    assert found(actor_id="7") == ["credits.spend"]
    assert found(request_id="req-0008") == ["reservation.expired"]
    assert found(occurred_before=middle.isoformat()) == ["credits.spend"]
    assert found(occurred_after=middle.isoformat()) == ["reservation.expired"]
    assert found(entity="nothing") == []


@pytest.mark.parametrize(
    "field, value",
    [
        ("action", "credits.theft"),
        ("occurred_after", "yesterday"),
        ("occurred_after", "2026-01-31"),
        ("occurred_after", "2026-01-31T12:00:00"),
        ("occurred_before", "2026-13-01T00:00:00Z"),
        ("occurred_before", "9999-12-31T23:59:59-23:59"),
        ("occurred_after", "0001-01-01T00:00:00+14:00"),
        ("occurred_after", "٢٠٢٦-01-31T12:00:00Z"),
    ],
)
def test_filter_that_cannot_be_meant(api, field, value):
    response = api(make_user(Role.STAFF)).get(ALL, {field: value})

    assert response.status_code == 400, response.content
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("value", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.123456Z"])
def test_times_with_their_zone(api, value):
    assert api(make_user(Role.STAFF)).get(ALL, {"occurred_before": value}).status_code == 200


def test_unknown_filters_reach_no_column(api):
    client = api(make_user(Role.STAFF))
    everything = len(_rows(client.get(ALL)))

    for query in ("mac=x", "personal__ip=x", "commitment__startswith=0", "actor_id__in=1,2", "id=1"):
        assert len(_rows(client.get(f"{ALL}?{query}"))) == everything


def test_own_trail_is_what_one_did_and_what_happened_to_one(api):
    user, other, staff = make_user(credits=10), make_user(credits=10), make_user(Role.STAFF)
    before = Event.objects.latest("id").pk
    with acting("user", str(user.pk)):
        record(Action.USER_SIGNED_IN, entity="user", entity_id=user.pk)
    with acting("user", str(staff.pk)):
        switch_account(user.account, is_active=False, by=staff)
        switch_account(other.account, is_active=False, by=staff)
    ledger.refund(user.pk, 1, reference="a")
    ledger.refund(other.pk, 1, reference="b")
    with acting("task", str(user.pk)):
        record(Action.RESERVATION_EXPIRED, entity="reservation", entity_id=user.pk)
    with acting("user", str(other.pk)):
        record(Action.USER_SIGNED_IN, entity="user", entity_id=other.pk)

    trail = [(row["action"], row["actor_id"]) for row in _rows(api(user).get(MINE)) if row["id"] > before]
    assert trail == [
        ("credits.refund", ""),
        ("account.disabled", str(staff.pk)),
        ("user.signed_in", str(user.pk)),
    ]


@pytest.mark.parametrize("role", Role)
def test_own_trail_shows_nobody_elses(api, role):
    user, other = make_user(role), make_user()
    reservation = make_reservation(user=other)
    handling.reject(reservation, reason="x", by=make_pharmacist(reservation.pharmacy))
    ids = {str(user.pk), ""}

    rows = _rows(api(user).get(MINE))
    assert rows
    for row in rows:
        assert row["actor_id"] in ids
        assert (row["entity"], row["entity_id"]) in {("user", str(user.pk)), ("account", str(user.account.pk))}
    # A filter only narrows it.
    assert _rows(api(user).get(MINE, {"actor_id": str(other.pk)})) == []
    assert _rows(api(user).get(MINE, {"entity": "reservation"})) == []


@pytest.mark.parametrize("url", [ALL, MINE])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_log_is_only_read(api, url, method):
    client = api(make_user(Role.ADMIN))
    before = contents()

    assert getattr(client, method)(url, {}, format="json").status_code == 405
    assert getattr(client, method)(f"{url}1/", {}, format="json").status_code == 404
    assert contents() == before


def _queries(client, url):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    return len(_rows(response)), len(queries)


@pytest.mark.parametrize("url, expected", [(ALL, 4), (MINE, 3)])
def test_queries_do_not_grow_with_the_list(api, url, expected):
    staff = make_user(Role.STAFF)
    client = api(staff)

    def add():
        with acting("user", str(staff.pk), request_id="the-request"):
            record(Action.USER_SIGNED_IN, entity="user", entity_id=staff.pk)

    add()
    assert _queries(client, f"{url}?request_id=the-request") == (1, expected)
    add()
    add()
    assert _queries(client, f"{url}?request_id=the-request") == (3, expected)
