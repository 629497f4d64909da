"""Prepaid accounts: shown, spent from, switched, given a rate."""

import pytest

from accounts.models import Account, Approval, CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from audit.models import Event
from legacy.tests.conftest import NOT_ALLOWED, OLD_ACCOUNT, OLD_RATE, OLD_USER, nobody_and, refusals
from legacy.views.accounts import WAITS
from payments.tests.factories import make_rate

pytestmark = pytest.mark.django_db

MALFORMED = ["abc", "1.5", "", "0", "-1", "-1000000", "1e3", "9" * 25, "true"]


def _spend(client, account, credit):
    return client.put(f"/account/spent/{account.pk}?credit={credit}")


def test_lists_by_role(api, patient, stranger, staff, admin):
    seen = {
        name: [row["user_id"] for row in api(staff).get(f"/account/{name}").json()]
        for name in ("all", "get_by_role_admin", "get_by_role_user")
    }
    assert seen == {
        "all": [patient.pk, stranger.pk, staff.pk, admin.pk],
        "get_by_role_admin": [staff.pk, admin.pk],
        "get_by_role_user": [patient.pk, stranger.pk],
    }


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_accounts_costs_the_same_for_many(api, staff, rate, django_assert_num_queries, count):
    for _ in range(count):
        Account.objects.filter(user=make_user()).update(rate=rate)
    client = api(staff)
    with django_assert_num_queries(4):
        assert len(client.get("/account/all").json()) == count + 1


def test_account_to_the_field(api, patient, rate):
    Account.objects.filter(user=patient).update(rate=rate, subscribed_at="2026-01-02T11:00:00Z")
    answer = api(patient).get(f"/account/get_by_user_id/{patient.pk}")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == OLD_ACCOUNT
    assert (list(body["user"]), list(body["rate"])) == (OLD_USER, OLD_RATE)
    assert (body["credit"], body["activate"], body["rate_id"]) == (10, True, rate.pk)
    assert body["subscription_date"] == "2026-01-02T12:00:00+01:00"


def test_account_of_somebody_else(refused, api, patient, stranger, staff):
    assert refused("get", f"/account/get_by_user_id/{patient.pk}", stranger) == nobody_and(1)
    assert api(staff).get(f"/account/get_by_user_id/{patient.pk}").json()["user"]["email"] == patient.email
    answer = api(staff).get("/account/get_by_user_id/999")
    assert (answer.status_code, answer.json()) == (404, {"detail": " Cet utilisateur n'a pas de compte"})


def test_account_without_a_token_is_nameless_and_only_by_setting(api, patient, settings):
    path = f"/account/get_by_user_id/{patient.pk}"
    assert api().get(path).status_code == 401
    settings.LEGACY_ANONYMOUS_ACCOUNTS = True
    body = api().get(path).json()
    assert (body["credit"], body["user_id"]) == (10, patient.pk)
    assert [body["user"][name] for name in ("firstname", "lastname", "email", "phone")] == [""] * 4
    assert api().get(path, headers={"Authorization": "Bearer null"}).status_code == 401
    assert api(make_user()).get(path).status_code == 403


def test_spend_answers_the_account_as_it_is_then(api, patient):
    answer = _spend(api(patient), patient.account, "3")
    assert (answer.status_code, answer.json()["credit"], list(answer.json())) == (200, 7, OLD_ACCOUNT)
    assert balance(patient) == 7
    event = Event.objects.get(action="credits.spend")
    assert (event.amount, event.actor_id) == (-3, str(patient.pk))
    assert verify_ledger().findings == []


def test_every_spend_counts_also_two_that_look_the_same(api, patient):
    client = api(patient)
    assert [_spend(client, patient.account, 2).json()["credit"] for _ in range(3)] == [8, 6, 4]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_spend_without_a_body_in_any_content_type(api, patient, kind):
    path = f"/account/spent/{patient.account.pk}?credit=1"
    assert api(patient).generic("PUT", path, b"", content_type=kind).status_code == 200


@pytest.mark.parametrize("credit", MALFORMED)
def test_spend_of_anything_but_a_positive_number_changes_nothing_and_is_an_event(api, patient, credit):
    entries = CreditEntry.objects.count()
    answer = _spend(api(patient), patient.account, credit)
    assert answer.status_code == 422
    assert [sorted(fault) for fault in answer.json()["detail"]] == [["loc", "msg", "type"]]
    assert answer.json()["detail"][0]["loc"] == ["query", "credit"]
    assert (balance(patient), CreditEntry.objects.count(), refusals()) == (10, entries, ["not_a_spend"])


def test_spend_without_the_number(api, patient):
    answer = api(patient).put(f"/account/spent/{patient.account.pk}")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "value_error.missing")


def test_spend_of_more_than_there_is_is_a_404(api, patient):
    answer = _spend(api(patient), patient.account, 11)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Ce compte n'a pas assez de crédit"})
    assert (balance(patient), refusals()) == (10, ["insufficient_credits"])


def test_spend_from_a_disabled_account(api, patient):
    Account.objects.filter(user=patient).update(is_active=False)
    answer = _spend(api(patient), patient.account, 1)
    assert (answer.status_code, type(answer.json()["detail"])) == (403, str)
    assert balance(patient) == 10


def test_spend_of_others_credits(refused, api, patient, stranger, staff):
    path = f"/account/spent/{patient.account.pk}?credit=1"
    assert refused("put", path, stranger) == nobody_and(1)
    assert (balance(patient), refusals()) == (10, ["not_theirs"])
    assert api(staff).put(path).json()["credit"] == 9
    assert api(staff).put("/account/spent/999?credit=1").json() == {"detail": "Compte inexistant"}
    assert api(stranger).put("/account/spent/999?credit=1").json() == NOT_ALLOWED


def test_staff_alone_spend_no_more_of_others_than_they_correct(api, staff, admin, settings):
    settings.TWO_EYES_CREDITS = 500
    rich = make_user(credits=100_000)
    client, waits = api(staff), {"detail": WAITS}

    assert [_spend(client, rich.account, 250).status_code for _ in range(2)] == [200, 200]
    answer = _spend(client, rich.account, 1)
    assert (answer.status_code, answer.json(), balance(rich)) == (403, waits, 99_500)
    entries = CreditEntry.objects.filter(account=rich.account, created_by=staff)
    assert set(entries.values_list("kind", "amount")) == {("spend", -250)}
    # What they spent counts where they correct, and what waits is decided first.
    adjusted = client.post(f"/api/v1/accounts/{rich.account.pk}/adjust/", {"credits": -1, "reason": "x"}, format="json")
    assert (adjusted.status_code, _spend(client, rich.account, 1).status_code, balance(rich)) == (409, 409, 99_500)
    approval = Approval.objects.get()
    assert (approval.kind, approval.amount, approval.beneficiary) == ("credits.spend", -1, rich)
    assert api(admin).post(f"/api/v1/approvals/{approval.public_id}/approve/").status_code == 200
    assert balance(rich) == 99_499
    assert (CreditEntry.objects.latest("id").kind, verify_ledger().findings) == ("spend", [])


def test_spend_of_everything_somebody_has_waits_and_ones_own_does_not(api, staff, settings):
    settings.TWO_EYES_CREDITS = 500
    rich = make_user(credits=100_000)

    answer = _spend(api(staff), rich.account, 100_000)
    assert (answer.status_code, answer.json(), balance(rich)) == (403, {"detail": WAITS}, 100_000)
    assert not CreditEntry.objects.filter(account=rich.account, kind="spend").exists()
    assert _spend(api(rich), rich.account, 100_000).json()["credit"] == 0


def test_staff_spend_nothing_of_a_disabled_account_and_no_more_than_there_is(api, staff, patient, settings):
    settings.TWO_EYES_CREDITS = 5
    answer = _spend(api(staff), patient.account, 11)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Ce compte n'a pas assez de crédit"})
    Account.objects.filter(user=patient).update(is_active=False)
    for credit in (1, 6):
        answer = _spend(api(staff), patient.account, credit)
        assert (answer.status_code, "désactivé" in answer.json()["detail"]) == (403, True)
    assert (balance(patient), Approval.objects.count(), refusals()) == (10, 0, ["insufficient_credits"])


def test_spend_costs_few_queries(api, patient, django_assert_max_num_queries):
    client = api(patient)
    with django_assert_max_num_queries(9):
        _spend(client, patient.account, 1)


def test_staff_give_a_rate(api, staff, patient, rate):
    answer = api(staff).put(f"/account/subscribe_rate/{patient.account.pk}?rate_id={rate.pk}")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["credit"], body["rate_id"], body["rate"]["credit"]) == (22, rate.pk, 12)
    assert body["subscription_date"] is not None
    assert verify_ledger().findings == []
    given = Event.objects.get(action="account.rate_given")
    assert (given.entity_id, given.amount) == (str(patient.account.pk), 1_000)


def test_rate_above_the_amount_for_two_people_waits(api, staff, admin, patient, settings):
    settings.TWO_EYES_CREDITS = 50
    rate = make_rate(credits=51)
    path = f"/account/subscribe_rate/{patient.account.pk}?rate_id={rate.pk}"
    answer = api(staff).put(path)
    assert (answer.status_code, "seconde personne" in answer.json()["detail"]) == (403, True)
    assert (balance(patient), Account.objects.get(user=patient).rate) == (10, None)
    assert api(staff).put(path).status_code == 409
    approval = Approval.objects.get()
    api(admin).post(f"/api/v1/approvals/{approval.public_id}/approve/")
    assert (balance(patient), Account.objects.get(user=patient).rate) == (61, rate)
    assert verify_ledger().findings == []


def test_rate_that_nobody_sells_and_account_that_nobody_has(api, staff, patient, rate):
    answers = [
        api(staff).put(f"/account/subscribe_rate/{account}?rate_id={number}")
        for account, number in ((patient.account.pk, 999), (999, rate.pk))
    ]
    assert [(answer.status_code, answer.json()["detail"]) for answer in answers] == [
        (404, "Tarification inexistante"),
        (404, "Compte inexistant"),
    ]
    assert api(staff).put(f"/account/subscribe_rate/{patient.account.pk}").status_code == 422


@pytest.mark.parametrize("name, is_active", [("disable_account", False), ("enable_account", True)])
def test_accounts_are_switched_whatever_the_body_says(api, staff, patient, name, is_active):
    Account.objects.filter(user=patient).update(is_active=not is_active)
    path = f"/account/{name}/{patient.account.pk}"
    answer = api(staff).generic("PUT", path, b'{"activate": "x"', content_type="application/json")
    assert (answer.status_code, answer.json()["activate"], list(answer.json())) == (200, is_active, OLD_ACCOUNT)
    assert Account.objects.get(user=patient).is_active is is_active
    assert api(staff).put(f"/account/{name}/999").status_code == 404
