"""The back office of the marketplaces: staff see every merchant, and change what services let them."""

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from backoffice.tests.pages import page, page_of, said
from marketplaces.enums import Channel, ListingState, MemberRole, Review
from marketplaces.models import Brand, Category, Item, Listing, Membership, Merchant, Order, Plan
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import (
    make_category,
    make_image,
    make_item,
    make_listing,
    make_member,
    make_merchant,
    make_order,
    make_plan,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    browser = Client(headers={"Accept-Language": "fr"})
    staff = make_user(Role.STAFF)
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label="marketplaces"))
    browser.force_login(staff)
    return browser


def test_item_shows_its_pictures_and_listings(client):
    item = make_item(make_merchant())
    image = make_image(item)
    listing = make_listing(item)
    content = client.get(page_of(item)).content.decode()

    assert f'<img src="{settings.MEDIA_URL}{image.file.name}"' in content
    assert listing.external_id in content


@pytest.mark.parametrize(
    "url, is_link", [("https://www.vinted.fr/items/7", True), ("javascript:alert(document.domain)//", False)]
)
def test_address_of_a_listing_is_a_link_to_a_site_and_nothing_else(client, url, is_link):
    content = client.get(page_of(make_listing(make_item(make_merchant()), url=url))).content.decode()

    assert url in content
    assert (f'href="{url}"' in content) is is_link


def test_flagged_item_is_cleared(client):
    item = make_item(make_merchant(), review=Review.FLAGGED, flagged_words=["comprime"])
    response = client.post(page_of(item, "clear"))

    assert said(response) == ["L'article est admis."]
    with merchant_scope(item.merchant_id):
        kept = Item.objects.get()
    assert kept.review == Review.CLEARED
    event = Event.objects.latest("pk")
    assert (event.action, event.actor_id) == ("item.reviewed", str(kept.reviewed_by_id))


def test_flagged_items_wait_on_the_first_page(client):
    item = make_item(make_merchant(), review=Review.FLAGGED, flagged_words=["comprime", "sirop"])
    make_item(make_merchant())

    def waiting():
        found = {str(each.queue.title): each for each in client.get(reverse("admin:index")).context["queues"]}
        return found["Articles à vérifier"]

    queue = waiting()
    assert (queue.count, queue.since) == (1, item.created_at)
    page_of_queue = client.get(queue.url)
    (row,) = page_of_queue.context["rows"]
    assert row.answer == f"{item.merchant.name} · comprime, sirop"
    assert [button.url.partition("?")[0] for button in row.buttons] == [page_of(item, "clear"), page_of(item, "refuse")]
    listed = client.get(page_of_queue.context["list_url"]).context_data["cl"].result_list
    assert [each.pk for each in listed] == [item.pk]

    client.post(page_of(item, "clear"))
    assert waiting().count == 0


def test_item_is_found_by_sku_and_by_code_in_all_stocks(client):
    items = [make_item(make_merchant(), code=code) for code in ("3282770114126", "")]
    shown = page(Item, "changelist")

    def found(term):
        return [row.pk for row in client.get(shown, {"q": term}).context_data["cl"].result_list]

    assert found(items[1].sku.lower()) == [items[1].pk]
    assert found("3282770114126") == [items[0].pk]
    assert found("3282770114127") == []


def test_search_of_items_reads_no_other_merchants_stock(client):
    """With every other way forbidden, PostgreSQL answers from the two indexes."""
    if connection.vendor != "postgresql":
        return
    with crossing(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        condition = admin.site.get_model_admin(Item).search_condition("3282770114126")
        plan = Item.objects.filter(condition).order_by().explain()
    assert "item_sku_of_all" in plan
    assert "item_code_of_all" in plan
    assert "Seq Scan" not in plan, plan


def test_refused_item_leaves_its_channels(client):
    item = make_item(make_merchant())
    make_listing(item)
    assert said(client.post(page_of(item, "refuse"))) == ["L'article est refusé."]
    with merchant_scope(item.merchant_id):
        assert Item.objects.get().review == Review.REFUSED
        assert Listing.objects.get().state == ListingState.WITHDRAWING
    assert said(client.post(page_of(item, "refuse")))[-1:] == ["Cette action n'est pas possible dans l'état actuel."]


def test_flagged_items_are_a_filtered_list(client):
    flagged = make_item(make_merchant(), review=Review.FLAGGED)
    make_item(make_merchant())
    rows = client.get(f"{page(Item, 'changelist')}?review__exact=flagged").context_data["cl"].result_list

    assert [row.pk for row in rows] == [flagged.pk]


def test_staff_open_a_merchant_and_change_it(client):
    owner, plan = make_user(), make_plan(items=3)
    given = {"name": "Boutique", "owner": owner.email, "plan": plan.pk, "currency": "XAF"}
    assert client.post(page(Merchant, "add"), given).status_code == 302
    with crossing():
        merchant = Merchant.objects.get()
        assert list(Membership.objects.values_list("user", "role")) == [(owner.pk, "owner")]
    other = make_plan()
    inlines = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    client.post(page_of(merchant), {"name": "Boutique", "plan": other.pk, **inlines})

    with merchant_scope(merchant.pk):
        kept = Merchant.objects.get()
    assert (kept.is_active, kept.plan, kept.currency) == (False, other, "XAF")
    event = Event.objects.latest("pk")
    assert (event.action, event.changes["new"]) == ("merchant.changed", {"is_active": False, "plan": other.pk})


def test_page_of_a_merchant_tells_what_is_still_on_the_channels(client):
    merchant = make_merchant()
    make_listing(make_item(merchant), Channel.VINTED, state=ListingState.WITHDRAWING)
    for state in (ListingState.LIVE, ListingState.PENDING, ListingState.WITHDRAWN):
        make_listing(make_item(merchant), Channel.EBAY, state=state)
    make_listing(make_item(make_merchant()))
    content = client.get(page_of(merchant)).content.decode()

    assert "eBay : 2 · Vinted : 1" in content
    assert "le marchand quitte tous les canaux" in content


def test_merchant_of_an_unknown_owner_is_not_opened(client):
    given = {"name": "Boutique", "owner": "nobody@example.org", "plan": make_plan().pk, "currency": "XAF"}
    response = client.post(page(Merchant, "add"), given)

    assert "Aucun compte vérifié" in response.content.decode()
    with crossing():
        assert not Merchant.objects.exists()


def test_staff_add_change_and_remove_members(client):
    merchant = make_merchant(owner=make_user())
    person = make_user()
    client.post(page_of(merchant, "add_a_member"), {"email": person.email, "role": "viewer"})
    with merchant_scope(merchant.pk):
        member = Membership.objects.get(user=person)
        owner = Membership.objects.exclude(user=person).get()
    client.post(page_of(member, "set_role"), {"role": "editor"})
    with merchant_scope(merchant.pk):
        assert Membership.objects.get(user=person).role == MemberRole.EDITOR
    client.post(page_of(member, "set_role"), {"role": ""})
    refused = client.post(page_of(owner, "set_role"), {"role": "viewer"})

    assert said(refused)[-1:] == ["Un marchand garde au moins un propriétaire : nommez-en un autre d'abord."]
    with merchant_scope(merchant.pk):
        assert list(Membership.objects.values_list("pk", "role")) == [(owner.pk, "owner")]


def test_attribute_and_its_channel_ids_are_edited_and_told(client):
    brand = Brand.objects.create(code="avene-x", name_fr="Avène", name_en="Avène")
    management = {"channel_ids-TOTAL_FORMS": 1, "channel_ids-INITIAL_FORMS": 0}
    given = {"name_fr": "Avène", "name_en": "Avene", "code": "avene-x", "position": 3, "is_active": "on"}
    number = {
        "channel_ids-0-channel": "ebay",
        "channel_ids-0-external_id": "Avène",
        "channel_ids-0-attribute": brand.pk,
    }
    assert client.post(page_of(brand), {**given, **management, **number}).status_code == 302

    assert [(each.channel, each.external_id) for each in brand.channel_ids.all()] == [("ebay", "Avène")]
    told = Event.objects.filter(action__startswith="reference.").order_by("-pk").values_list("entity", flat=True)
    assert set(told[:2]) == {"brand", "brandchannelid"}


def test_category_of_medicines_is_never_allowed(client):
    category = make_category(product_class="medicine", is_allowed=False)
    given = {
        "name_fr": "X",
        "name_en": "X",
        "code": "x-1",
        "product_class": "medicine",
        "is_allowed": "on",
        "position": 0,
    }
    response = client.post(
        page_of(category), {**given, "channel_ids-TOTAL_FORMS": 0, "channel_ids-INITIAL_FORMS": 0, "is_active": "on"}
    )

    assert "Les médicaments ne se vendent pas" in response.content.decode()
    category.refresh_from_db()
    assert not category.is_allowed


@pytest.mark.parametrize("model", [Item, Listing, Order, Membership, Plan, Category], ids=lambda model: model.__name__)
def test_nothing_is_deleted(client, model):
    make_order(make_item(make_merchant(owner=make_user())))
    make_listing(make_item(make_merchant()))
    with crossing():
        row = model.objects.first()
        before = model.objects.count()
    assert client.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
    with crossing():
        assert model.objects.count() == before


def test_lists_cost_the_same_for_one_row_and_for_three(client):
    def add():
        item = make_item(make_merchant())
        make_listing(item)
        make_order(item)
        make_member(make_merchant(), MemberRole.VIEWER)

    def queries(model):
        with CaptureQueriesContext(connection) as seen:
            assert client.get(page(model, "changelist")).status_code == 200
        return len(seen)

    models = (Item, Listing, Order, Merchant, Membership)
    add()
    one = [queries(model) for model in models]
    add()
    add()
    assert [queries(model) for model in models] == one


@pytest.mark.skipif(not settings.DATABASE_STAFF_LOGIN, reason="logins are PostgreSQL's")
@pytest.mark.django_db(transaction=True)
def test_pages_are_drawn_and_changed_by_the_staffs_own_login(client):
    items = [make_item(make_merchant(), review=Review.FLAGGED) for _number in range(2)]
    content = client.get(page(Item, "changelist")).content.decode()
    assert all(item.title in content for item in items)
    assert said(client.post(page_of(items[0], "clear"))) == ["L'article est admis."]
    with merchant_scope(items[0].merchant_id):
        assert Item.objects.get().review == Review.CLEARED
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (settings.DATABASE_APPLICATION_ROLE,)
