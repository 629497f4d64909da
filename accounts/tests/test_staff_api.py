"""Staff and other people's accounts; what waits for a second person, over HTTP."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.models import Account, Approval
from accounts.tests.factories import balance, make_user
from audit.models import Event
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

ACCOUNTS, APPROVALS = "/api/v1/accounts/", "/api/v1/approvals/"
GIFT = {"credits": 20, "reason": "geste"}
LARGE = {"credits": 501, "reason": "compensation"}


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.TWO_EYES_CREDITS = 500


@pytest.fixture
def staff():
    return make_user(Role.STAFF)


@pytest.fixture
def patient():
    return make_user(credits=10, first_name="Aïcha", last_name="Exemple", phone="+24177123456")


def path(patient, action=""):
    return f"{ACCOUNTS}{patient.account.pk}/{action and action + '/'}"


def post(api, user, url, body=None, key=None):
    return api(user).post(url, body, format="json", headers={"Idempotency-Key": key or uuid.uuid4().hex})


def test_account_as_staff_see_it(api, staff, patient):
    shown = api(staff).get(path(patient)).json()

    assert shown == {
        "id": patient.account.pk,
        "credits": 10,
        "is_active": True,
        "rate": None,
        "subscribed_at": None,
        "user": {
            "id": patient.pk,
            "email": patient.email,
            "full_name": "Aïcha Exemple",
            "phone": "+24177123456",
        },
        "created_at": shown["created_at"],
    }


@pytest.mark.parametrize("term", ["{email}", "exempl", "077 12 34 56", "aïch"])
def test_account_is_found_by_whose_it_is(term, api, staff, patient):
    term = term.format(email=patient.email.upper())

    rows = api(staff).get(ACCOUNTS, {"search": term}).json()["results"]

    assert [row["id"] for row in rows] == [patient.account.pk]


def test_accounts_are_filtered_by_state(api, staff, patient):
    Account.objects.filter(pk=patient.account.pk).update(is_active=False)

    assert [row["id"] for row in api(staff).get(ACCOUNTS, {"is_active": "false"}).json()["results"]] == [
        patient.account.pk
    ]


@pytest.mark.parametrize("url", [ACCOUNTS, APPROVALS])
def test_queries_of_the_lists_do_not_grow(url, api, staff):
    counts = []
    for _ in range(2):
        for _ in range(1 + len(counts)):
            patient = make_user(credits=10)
            post(api, staff, path(patient, "grant"), LARGE)
        client = api(staff)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_account_is_disabled_and_enabled(api, staff, patient):
    answer = post(api, staff, path(patient, "disable"))
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    answer = post(api, staff, path(patient, "enable"))
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)
    events = Event.objects.filter(entity="account", entity_id=patient.account.pk, actor_id=staff.pk)
    assert list(events.order_by("id").values_list("action", flat=True)) == ["account.disabled", "account.enabled"]


def test_small_moves_are_done_at_once(api, staff, patient):
    granted = post(api, staff, path(patient, "grant"), GIFT)
    assert (granted.status_code, granted.json()["credits"]) == (200, 30)
    adjusted = post(api, staff, path(patient, "adjust"), {"credits": -5, "reason": "erreur"})
    assert (adjusted.status_code, adjusted.json()["credits"]) == (200, 25)

    labels = [row["label"] for row in api(patient).get("/api/v1/account/entries/").json()["results"]]
    assert labels[:2] == ["Correction : erreur", "Crédits offerts : geste"]


def test_repeat_under_the_same_key_gives_once(api, staff, patient):
    for _ in range(3):
        assert post(api, staff, path(patient, "grant"), GIFT, key="once").json()["credits"] == 30
    assert balance(patient) == 30


def test_large_move_waits_for_a_second_person(api, staff, patient):
    asked = post(api, staff, path(patient, "grant"), LARGE)
    approval = Approval.objects.get()

    assert asked.status_code == 202
    assert asked.json() == {
        "id": str(approval.public_id),
        "kind": "credits.grant",
        "subject": f"account:{patient.account.pk}",
        "amount": 501,
        "currency": None,
        "parameters": {"user": patient.pk, "credits": 501},
        "reason": "compensation",
        "status": "requested",
        "beneficiary": patient.pk,
        "requested_by": staff.pk,
        "decided_by": None,
        "decided_at": None,
        "note": "",
        "created_at": asked.json()["created_at"],
    }
    assert balance(patient) == 10
    again = post(api, staff, path(patient, "adjust"), LARGE)
    assert (again.status_code, again.json()["code"]) == (409, "approval_pending")

    url = f"{APPROVALS}{approval.public_id}/"
    own = post(api, staff, f"{url}approve/")
    assert (own.status_code, own.json()["code"]) == (403, "own_approval")
    assert balance(patient) == 10

    colleague = make_user(Role.STAFF)
    assert [row["id"] for row in api(colleague).get(APPROVALS, {"status": "requested"}).json()["results"]] == [
        str(approval.public_id)
    ]
    done = post(api, colleague, f"{url}approve/")
    assert (done.status_code, done.json()["status"], done.json()["decided_by"]) == (200, "approved", colleague.pk)
    assert balance(patient) == 511
    late = post(api, colleague, f"{url}refuse/")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_move")


def test_only_who_asked_withdraws(api, staff, patient):
    post(api, staff, path(patient, "grant"), LARGE)
    url = f"{APPROVALS}{Approval.objects.get().public_id}/withdraw/"

    for other, status, code in (
        (make_user(Role.STAFF), 403, "not_own_approval"),
        (make_user(Role.ADMIN), 403, "not_own_approval"),
        (patient, 403, "permission_denied"),
    ):
        refused = post(api, other, url)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert Approval.objects.get().status == "requested"
    assert post(api, staff, url, {"reason": "x"}).status_code == 400
    answer = post(api, staff, url)

    assert (answer.status_code, answer.json()["status"], answer.json()["decided_by"]) == (200, "withdrawn", staff.pk)
    late = post(api, staff, url)
    assert (late.status_code, late.json()["code"]) == (409, "illegal_move")
    assert balance(patient) == 10


def test_refusing_says_why(api, staff, patient):
    post(api, staff, path(patient, "grant"), LARGE)
    url = f"{APPROVALS}{Approval.objects.get().public_id}/refuse/"

    answer = post(api, make_user(Role.STAFF), url, {"reason": "doublon"})

    assert (answer.status_code, answer.json()["status"], answer.json()["note"]) == (200, "refused", "doublon")
    assert balance(patient) == 10


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACIST, None])
def test_only_staff_see_and_move_accounts(role, api, staff, patient):
    post(api, staff, path(patient, "grant"), LARGE)
    approval = f"{APPROVALS}{Approval.objects.get().public_id}/"
    user = make_user(role) if role else None
    before = contents()
    expected = 401 if role is None else 403

    for url in (ACCOUNTS, path(patient), APPROVALS, approval):
        assert api(user).get(url).status_code == expected
    for action in ("enable", "disable"):
        assert post(api, user, path(patient, action)).status_code == expected
    for action in ("grant", "adjust"):
        assert post(api, user, path(patient, action), GIFT).status_code == expected
    for action in ("approve", "refuse", "withdraw"):
        assert post(api, user, f"{approval}{action}/").status_code == expected
    assert contents() == before


def test_holder_may_not_give_themselves_credits(api, patient):
    assert post(api, patient, path(patient, "grant"), GIFT).status_code == 403
    assert balance(patient) == 10


@pytest.mark.parametrize("action", ["grant", "adjust"])
@pytest.mark.parametrize(
    "changes, code",
    [
        ({"credits": 0}, {"grant": "min_value", "adjust": "out_of_range"}),
        ({"credits": -(10**9) - 1}, "min_value"),
        ({"credits": 1.5}, "invalid"),
        ({"credits": "7"}, "invalid"),
        ({"credits": True}, "invalid"),
        ({"credits": 10**9 + 1}, "max_value"),
        ({"credits": 10**30}, "max_value"),
        ({"reason": ""}, "blank"),
        ({"reason": " "}, "blank"),
        ({"reason": "r" * 201}, "max_length"),
        ({"user": 1}, "unknown_field"),
    ],
)
def test_malformed_move_is_refused(action, changes, code, api, staff, patient):
    before = contents()

    answer = post(api, staff, path(patient, action), {**GIFT, **changes})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == (code if isinstance(code, str) else code[action])
    assert contents() == before


def test_taking_more_than_there_is_is_refused(api, staff, patient):
    answer = post(api, staff, path(patient, "adjust"), {"credits": -11, "reason": "r"})

    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
    assert balance(patient) == 10


def test_account_or_approval_that_does_not_exist(api, staff):
    assert api(staff).get(f"{ACCOUNTS}999999999/").status_code == 404
    assert post(api, staff, f"{ACCOUNTS}999999999/grant/", GIFT).status_code == 404
    assert api(staff).get(f"{APPROVALS}{uuid.uuid4()}/").status_code == 404
