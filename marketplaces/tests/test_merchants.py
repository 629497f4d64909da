import pytest
from django.contrib.auth.models import Permission

from accounts.enums import Role
from accounts.exceptions import StillNeeded
from accounts.services.anonymisation import anonymise_user
from accounts.services.roles import switch_user
from accounts.tests.factories import make_user
from audit.models import Event
from catalog.models import PharmacyMember
from marketplaces.enums import MemberRole
from marketplaces.models import Membership, Merchant
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import crossing, merchant_scope, person_scope
from marketplaces.tests.factories import default_plan, make_item, make_member, make_merchant, make_plan
from reservations.tests.factories import make_pharmacy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, name="plan")
def plan_of_new_merchants():
    return default_plan()


@pytest.fixture
def pharmacist():
    return make_user(Role.PHARMACIST)


@pytest.fixture
def pharmacy(pharmacist):
    pharmacy = make_pharmacy()
    PharmacyMember.objects.create(pharmacy=pharmacy, user=pharmacist)
    return pharmacy


@pytest.fixture
def staff():
    user = make_user(Role.STAFF)
    user.user_permissions.add(Permission.objects.get(codename="add_merchant"))
    return user


def count():
    with crossing():
        return Merchant.objects.count()


def test_no_merchant_opens_without_a_plan(api, pharmacist, pharmacy, plan):
    plan.is_default = False
    plan.save()

    response = api(pharmacist).post(
        "/api/v1/merchants/", {"name": "Pharmacie", "pharmacy": pharmacy.code}, format="json"
    )

    assert (response.status_code, response.json()["code"]) == (409, "no_default_plan")
    assert count() == 0
    assert not Event.objects.filter(action="merchant.created").exists()


def test_pharmacist_opens_the_merchant_of_their_pharmacy(api, pharmacist, pharmacy, plan):
    client = api(pharmacist)
    response = client.post("/api/v1/merchants/", {"name": "Pharmacie", "pharmacy": pharmacy.code}, format="json")

    assert response.status_code == 201
    shown = response.json()
    assert (shown["pharmacy"], shown["plan"], shown["role"]) == (pharmacy.code, plan.code, "owner")
    assert client.get("/api/v1/merchants/").json()["results"] == [shown]
    assert list(Event.objects.order_by("-pk").values_list("action", flat=True)[:2]) == [
        "merchant.member_changed",
        "merchant.created",
    ]
    again = client.post("/api/v1/merchants/", {"name": "Encore", "pharmacy": pharmacy.code}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "pharmacy_has_merchant")
    assert count() == 1


@pytest.mark.parametrize("fields", [{}, {"plan": True}, {"owner": True}, {"foreign": True}])
def test_pharmacist_opens_nothing_else(api, pharmacist, pharmacy, fields):
    body = {"name": "Pharmacie", "pharmacy": pharmacy.code}
    if not fields:
        del body["pharmacy"]
    if "plan" in fields:
        body["plan"] = make_plan().code
    if "foreign" in fields:
        body["pharmacy"] = make_pharmacy().code
    if "owner" in fields:
        # Whoever may not name an owner is not told who exists.
        body = {"name": "Pharmacie", "owner": "nobody@example.org"}
    response = api(pharmacist).post("/api/v1/merchants/", body, format="json")

    assert (response.status_code, response.json()["code"]) == (403, "merchant_not_yours")
    assert count() == 0


def test_staff_open_a_merchant_for_somebody(api, staff):
    owner = make_user()
    body = {"name": "Boutique", "owner": owner.email, "plan": make_plan().code, "currency": "EUR"}
    response = api(staff).post("/api/v1/merchants/", body, format="json")

    assert (response.status_code, response.json()["role"]) == (201, None)
    assert api(staff).get("/api/v1/merchants/").json()["results"] == []
    shown = api(owner).get("/api/v1/merchants/").json()["results"]
    assert [(row["name"], row["role"], row["currency"]) for row in shown] == [("Boutique", "owner", "EUR")]


def test_who_belongs_to_no_merchant_is_told_what_to_do(api):
    shown = api(make_user()).get("/api/v1/merchants/").json()

    assert shown["results"] == []
    assert "POST /api/v1/merchants/" in shown["meta"]["hint"]


def test_inactive_merchant_may_look_only(api):
    owner = make_user()
    merchant = make_merchant(owner=owner, is_active=False)
    client, headers = api(owner), {"X-Merchant": str(merchant.public_id)}
    item = make_item(merchant)

    assert client.get("/api/v1/items/", headers=headers).status_code == 200
    refused = client.delete(f"/api/v1/items/{item.public_id}/", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "merchant_inactive")


@pytest.fixture
def world(api):
    class World:
        owner = make_user()
        merchant = make_merchant(owner=owner)
        colleague = make_member(merchant, MemberRole.VIEWER)
        stranger = make_user()
        url = f"/api/v1/merchants/{merchant.public_id}/members/"

        def roles(self):
            with merchant_scope(self.merchant.pk):
                return dict(Membership.objects.values_list("user_id", "role"))

    return World()


def test_owner_changes_and_removes_members(api, world):
    client = api(world.owner)
    changed = client.patch(f"{world.url}{world.colleague.pk}/", {"role": "editor"}, format="json")
    assert (changed.status_code, changed.json()["role"]) == (200, "editor")
    assert client.delete(f"{world.url}{world.colleague.pk}/").status_code == 204

    assert world.roles() == {world.owner.pk: "owner"}
    told = Event.objects.filter(action="merchant.member_changed").order_by("-pk")[:2]
    assert [(event.changes["old"], event.changes["new"]) for event in told] == [("editor", None), ("viewer", "editor")]


@pytest.mark.parametrize("method, body", [("patch", {"role": "viewer"}), ("delete", None)])
def test_last_owner_stays(api, world, method, body):
    response = getattr(api(world.owner), method)(f"{world.url}{world.owner.pk}/", body, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "last_owner")
    assert world.roles()[world.owner.pk] == "owner"


@pytest.mark.parametrize("method, body", [("patch", {"role": "viewer"}), ("delete", None)])
def test_owner_who_cannot_sign_in_is_no_other_owner(api, world, method, body):
    admin = make_user(Role.ADMIN)
    other = make_member(world.merchant, MemberRole.OWNER)
    switch_user(other, is_active=False, by=admin)

    response = getattr(api(world.owner), method)(f"{world.url}{world.owner.pk}/", body, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "last_owner")
    with pytest.raises(StillNeeded):
        anonymise_user(world.owner, by=admin)
    assert world.roles()[world.owner.pk] == "owner"
    switch_user(other, is_active=True, by=admin)
    assert getattr(api(world.owner), method)(f"{world.url}{world.owner.pk}/", body, format="json").status_code < 300


def test_last_owner_of_a_merchant_who_is_switched_off_is_erased(world):
    with merchant_scope(world.merchant.pk):
        update_merchant(world.merchant, is_active=False, by=make_user())
    anonymise_user(world.owner, by=make_user(Role.ADMIN))

    assert world.roles() == {world.colleague.pk: "viewer"}


def test_member_leaves_but_removes_nobody_else(api, world):
    client = api(world.colleague)
    refused = client.delete(f"{world.url}{world.owner.pk}/")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient")
    assert client.delete(f"{world.url}{world.colleague.pk}/").status_code == 204
    assert world.roles() == {world.owner.pk: "owner"}
    assert client.get(world.url).status_code == 404


def test_erased_person_is_a_member_of_nothing(world):
    admin = make_user(Role.ADMIN)
    anonymise_user(world.colleague, by=admin)
    assert world.roles() == {world.owner.pk: "owner"}
    with pytest.raises(StillNeeded) as refusal:
        anonymise_user(world.owner, by=admin)
    assert [error.field for error in refusal.value.errors] == ["merchants"]
    with person_scope(world.owner.pk):
        assert Membership.objects.count() == 1
