"""People, asked by themselves, by others and by staff."""

import re

import pytest

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import PASSWORD, balance, make_user
from audit.models import Event
from common.mail.delivery import deliver_due
from common.models import Mail
from legacy.tests.conftest import NOT_ALLOWED, OLD_USER, SITE, nobody_and, refusals

pytestmark = pytest.mark.django_db

NEW = {"lastname": "Nouveau", "email": "paul@example.org", "password": "Medoc-new-1"}


def test_all_people_for_staff(api, patient, staff):
    answer = api(staff).get("/user/all")
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()] == [patient.pk, staff.pk]
    assert [row["role"] for row in answer.json()] == ["USER", "ADMIN"]
    assert all(list(row) == OLD_USER for row in answer.json())


@pytest.mark.parametrize(
    "method, path",
    [
        ("get", "/user/all"),
        ("delete", "/user/delete/{id}"),
        ("get", "/account/all"),
        ("get", "/account/get_by_role_admin"),
        ("get", "/account/get_by_role_user"),
        ("put", "/account/subscribe_rate/{account}?rate_id={rate}"),
        ("put", "/account/disable_account/{account}"),
        ("put", "/account/enable_account/{account}"),
        ("post", "/rate/add"),
        ("put", "/rate/update/{rate}"),
        ("delete", "/rate/delete/{rate}"),
        ("post", "/price_list/add"),
        ("put", "/price_list/update/1"),
        ("delete", "/price_list/delete/1"),
        ("get", "/event/all"),
        ("get", "/event/stat"),
        ("get", "/event/get_by_timer/2026-01-01/2026-01-02"),
        ("post", "/api_epg/products"),
    ],
)
def test_what_is_for_staff_is_for_nobody_else(refused, patient, stranger, rate, method, path):
    pharmacist = make_user(Role.PHARMACIST)
    before = list(User.objects.order_by("pk").values()), balance(patient)
    path = path.format(id=patient.pk, account=patient.account.pk, rate=rate.pk)
    body = {"libelle": "X", "price": 1, "credit": 1}

    assert refused(method, path, patient, stranger, pharmacist, body=None if method == "get" else body) == nobody_and(3)
    assert (list(User.objects.order_by("pk").values()), balance(patient)) == before
    assert refusals() == ([] if method == "get" else ["not_staff"] * 4)


def test_role_without_the_permission_is_refused_like_anybody(api, staff, rate):
    staff.groups.clear()
    assert api(staff).get("/user/all").status_code == 403
    assert api(staff).delete(f"/rate/delete/{rate.pk}").status_code == 403
    rate.refresh_from_db()
    assert rate.is_active


def test_sign_up_without_signing_in(api, settings, db):
    answer = api().post("/user/add", NEW | {"role": "USER"}, format="json")
    assert (answer.status_code, list(answer.json())) == (201, OLD_USER)
    assert balance(User.objects.get()) == settings.WELCOME_CREDITS == 10
    again = api().post("/user/add", NEW, format="json")
    assert (again.status_code, again.json()) == (400, {"detail": "Utilisateur déjà existant"})


@pytest.mark.parametrize("who", ["nobody", "patient"])
def test_only_staff_set_a_role(api, patient, who):
    answer = api(patient if who == "patient" else None).post("/user/add", NEW | {"role": "ADMIN"}, format="json")
    assert (answer.status_code, answer.json()["role"]) == (201, "USER")
    assert refusals() == ["role_ignored"]


def test_password_that_staff_may_not_give_is_an_invitation(api, staff, mailoutbox):
    answer = api(staff).post("/user/add", NEW | {"password": "root"}, format="json")
    assert answer.status_code == 201
    user = User.objects.get(email="paul@example.org")
    assert not user.has_usable_password()
    assert Mail.objects.get().template == "invitation"
    deliver_due()
    link = re.search(r"https://\S+", mailoutbox[0].body)[0]
    assert link.startswith(f"{SITE}/#/reset-password?token=")
    body = {"token": link.split("=", 1)[1], "new_password": "Medoc-new-1"}
    assert api().post("/user/reset-password", body, format="json").json() == {"msg": "Mot de passe modifié avec succès"}
    assert api().post("/auth/login", {"username": user.email, "password": "Medoc-new-1"}).status_code == 200


def test_administrator_adds_staff_and_staff_do_not(api, admin, staff):
    body = NEW | {"role": "ADMIN"}
    assert api(staff).post("/user/add", body, format="json").status_code == 403
    assert User.objects.count() == 2
    answer = api(admin).post("/user/add", body, format="json")
    assert (answer.status_code, answer.json()["role"]) == (201, "ADMIN")
    assert User.objects.get(email="paul@example.org").role == "staff"


def test_update_changes_what_was_sent_and_nothing_else(api, patient):
    answer = api(patient).put(f"/user/update/{patient.pk}", {"firstname": "Anne", "role": "USER"}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Utilisateur modifié avec succès"})
    patient.refresh_from_db()
    assert (patient.first_name, patient.last_name, patient.phone) == ("Anne", "Exemple", "+24177123456")


@pytest.mark.parametrize("body", [{"lastname": ""}, {"email": ""}, {"email": "TAKEN@example.org"}])
def test_update_that_cannot_be_changes_nothing(api, patient, body):
    make_user(email="taken@example.org")
    before = User.objects.filter(pk=patient.pk).values().get()
    answer = api(patient).put(f"/user/update/{patient.pk}", {"firstname": "Anne", **body}, format="json")
    assert (answer.status_code, type(answer.json()["detail"])) == (400, str)
    assert User.objects.filter(pk=patient.pk).values().get() == before


def test_telling_that_an_address_is_taken_is_limited_and_what_tells_nothing_is_not(api, patient):
    taken = make_user().email
    client, path = api(patient), f"/user/update/{patient.pk}"
    own = [client.put(path, {"email": patient.email}, format="json").status_code for _ in range(31)]
    free = [client.put(path, {"email": f"free{n % 2}@example.org"}, format="json").status_code for n in range(31)]
    before = User.objects.filter(pk=patient.pk).values().get()
    asked = [client.put(path, {"email": taken, "firstname": "Anne"}, format="json").status_code for _ in range(31)]

    assert (own, free, asked) == ([200] * 31, [200] * 31, [400] * 30 + [429])
    assert User.objects.filter(pk=patient.pk).values().get() == before
    answer = client.put(path, {"email": taken}, format="json", REMOTE_ADDR="192.0.2.7")
    assert (answer.status_code, answer.json()) == (429, {"detail": "Trop de tentatives. Réessayez plus tard."})
    assert client.put(path, {"firstname": "Anne", "email": before["email"]}, format="json").status_code == 200


def test_telling_that_an_address_is_taken_is_limited_by_address_too(api, patient, stranger):
    taken, there = make_user().email, {"REMOTE_ADDR": "2001:db8::1"}
    asked = [
        api(person).put(f"/user/update/{person.pk}", {"email": taken}, format="json", **there).status_code
        for person in [patient, stranger] * 15
    ]
    assert asked == [400] * 30
    body = {"lastname": "Nouveau", "email": taken, "password": "Medoc-new-1"}
    neighbour = api().post("/user/add", body, format="json", REMOTE_ADDR="2001:db8::2")
    assert neighbour.status_code == 429
    assert api().post("/user/add", body, format="json", REMOTE_ADDR="192.0.2.7").status_code == 400


def test_new_address_is_not_verified(api, patient):
    api(patient).put(f"/user/update/{patient.pk}", {"email": "Marie@Example.ORG"}, format="json")
    patient.refresh_from_db()
    assert (patient.email, patient.is_verified) == ("marie@example.org", False)


def test_new_address_ends_the_other_sessions_and_the_token_that_gave_it_goes_on_working(api, patient):
    client, other = api(patient), api(patient)
    answer = client.put(f"/user/update/{patient.pk}", {"email": "marie@example.org"}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Utilisateur modifié avec succès"})
    account = f"/account/get_by_user_id/{patient.pk}"
    assert (client.get(account).status_code, other.get(account).status_code) == (200, 401)


def test_nobody_lifts_themselves_up(api, patient):
    answer = api(patient).put(f"/user/update/{patient.pk}", {"role": "ADMIN"}, format="json")
    assert answer.status_code == 200
    patient.refresh_from_db()
    assert (patient.role, patient.is_staff) == ("patient", False)
    assert refusals() == ["role_ignored"]


def test_administrator_who_sends_user_stays_one(api, admin):
    assert api(admin).put(f"/user/update/{admin.pk}", {"role": "USER"}, format="json").status_code == 200
    admin.refresh_from_db()
    assert admin.role == "admin"
    assert refusals() == []


def test_administrator_decides_about_somebody_elses_role(api, admin, patient, staff):
    client = api(admin)
    assert client.put(f"/user/update/{patient.pk}", {"role": "ADMIN"}, format="json").status_code == 200
    assert client.put(f"/user/update/{staff.pk}", {"role": "USER"}, format="json").status_code == 200
    assert set(User.objects.filter(pk__in=[patient.pk, staff.pk]).values_list("pk", "role")) == {
        (patient.pk, "staff"),
        (staff.pk, "patient"),
    }


def test_strangers_change_nobody(refused, api, patient, stranger):
    before = User.objects.filter(pk=patient.pk).values().get()
    assert refused("put", f"/user/update/{patient.pk}", stranger, body={"firstname": "X"}) == nobody_and(1)
    path = f"/user/update_password/{patient.pk}?new_password=Medoc-new-1"
    assert refused("put", path, stranger) == nobody_and(1)
    assert User.objects.filter(pk=patient.pk).values().get() == before
    assert refusals() == ["not_theirs"] * 2


def test_password_is_changed_by_its_owner(api, patient):
    client = api(patient)
    answer = client.put(f"/user/update_password/{patient.pk}?new_password=Medoc-new-1")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Mot de passe modifié avec succès"})
    assert client.get("/auth/me").status_code == 200
    assert api().post("/auth/login", {"username": patient.email, "password": "Medoc-new-1"}).status_code == 200


def test_password_is_changed_by_staff_but_not_an_administrators(api, staff, admin, patient):
    path = "/user/update_password/{}?new_password=Medoc-new-1"
    assert api(staff).put(path.format(patient.pk)).status_code == 200
    assert api(staff).put(path.format(admin.pk)).status_code == 403
    assert api(staff).put(path.format(999)).json() == {"detail": "Utilisateur inexistant"}
    admin.refresh_from_db()
    assert admin.check_password(PASSWORD)


@pytest.mark.parametrize("query, status", [("", 422), ("?new_password=", 400), ("?new_password=root", 400)])
def test_password_that_cannot_be(api, patient, query, status):
    answer = api(patient).put(f"/user/update_password/{patient.pk}{query}")
    assert (answer.status_code, type(answer.json()["detail"])) == (status, list if status == 422 else str)
    patient.refresh_from_db()
    assert patient.check_password(PASSWORD)


@pytest.mark.parametrize("method", ["put", "post"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_recovery_mails_a_link_and_tells_nobody(api, patient, mailoutbox, method, kind):
    for email in (patient.email.upper(), "nobody@example.org"):
        answer = api().generic(method.upper(), f"/user/recovery_password/{email}", b"", content_type=kind)
        assert (answer.status_code, answer.json()) == (200, {"msg": "Mot de passe réinitialisé"})
    deliver_due()
    assert [mail.to for mail in mailoutbox] == [[patient.email]]
    assert f"{SITE}/#/reset-password?token=" in mailoutbox[0].body
    patient.refresh_from_db()
    assert patient.check_password(PASSWORD)


def test_link_that_is_not_good_is_named_with_the_words_that_the_sites_look_for(api, db):
    answer = api().post("/user/reset-password", {"token": "x", "new_password": "Medoc-new-1"}, format="json")
    assert answer.status_code == 400
    assert all(word in answer.json()["detail"] for word in ("expiré", "utilisé", "invalide"))
    answer = api().post("/user/reset-password", {"token": "x", "new_password": "root"}, format="json")
    assert (answer.status_code, "invalide" in answer.json()["detail"]) == (400, True)


def test_erasing_keeps_money_and_audit(api, admin, patient):
    account = patient.account.pk
    entries = patient.account.entries.count()
    answer = api(admin).delete(f"/user/delete/{patient.pk}", {"id": patient.pk}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Utilisateur supprimé avec succès"})
    patient.refresh_from_db()
    assert (patient.is_active, patient.account.pk, patient.account.entries.count()) == (False, account, entries)
    assert Event.objects.filter(action="user.anonymised", entity_id=str(patient.pk)).count() == 1
    again = api(admin).delete(f"/user/delete/{patient.pk}")
    assert (again.status_code, again.json()) == (404, {"detail": "Utilisateur inexistant"})
    assert [row["id"] for row in api(admin).get("/user/all").json()] == [admin.pk]


def test_staff_erase_patients(api, staff, patient):
    answer = api(staff).delete(f"/user/delete/{patient.pk}")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Utilisateur supprimé avec succès"})
    patient.refresh_from_db()
    assert not patient.is_active


def test_patients_erase_nobody(api, patient):
    other = make_user()
    answer = api(patient).delete(f"/user/delete/{other.pk}")
    assert (answer.status_code, answer.json()) == (403, NOT_ALLOWED)
    other.refresh_from_db()
    assert other.is_active


@pytest.mark.parametrize("count", [1, 3])
def test_list_of_people_costs_the_same_for_many(api, staff, django_assert_num_queries, count):
    for _ in range(count):
        make_user()
    client = api(staff)
    client.get("/rate/all")
    with django_assert_num_queries(4):
        assert len(client.get("/user/all").json()) == count + 1
