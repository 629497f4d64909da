"""The demo's merchant: the pharmacist's pharmacy sells three items of parapharmacy, one of them live at simulated eBay.

The simulators begin with empty books at every start: what was live there is withdrawn with us, and the merchant
connects and publishes anew.
"""

import contextlib
import io
import time
from urllib.parse import parse_qsl, urlsplit

import requests
from django.conf import settings
from django.db import connection
from PIL import Image

from accounts.models import User
from backoffice.demo.journey import Difference
from catalog.models import Pharmacy
from marketplaces.channels.exceptions import NotConnected
from marketplaces.enums import Channel, ListingState
from marketplaces.models import Category, Condition, Item, Listing, Membership, Merchant
from marketplaces.pictures import read_picture
from marketplaces.services import connections, publishing
from marketplaces.services.images import add_image
from marketplaces.services.items import create_item
from marketplaces.services.locks import lock_items, lock_listings
from marketplaces.services.merchants import create_merchant
from marketplaces.tenancy import merchant_scope, person_scope

# Title, category, price in XAF, pieces, the colour of its picture. The last one's title makes staff look.
_ITEMS = (
    ("Lait solaire bébé indice 50, 100 ml", "sun-care", 9_500, 12, "#f4c542"),
    ("Thermomètre électronique", "devices", 2_950, 20, "#8ecae6"),
    ("Pilulier pour comprimés, 7 jours", "hygiene", 3_500, 8, "#b7e4c7"),
)
_SETTINGS = {
    "marketplace_id": "EBAY_FR",
    "merchant_location_key": "libreville",
    "fulfillment_policy_id": "11",
    "payment_policy_id": "12",
    "return_policy_id": "13",
}
LIVE_WITHIN_SECONDS = 30


def is_possible() -> bool:
    """Workers cross merchants by a login of their own, which a PostgreSQL of yours may not have."""
    return connection.vendor == "sqlite" or bool(settings.DATABASE_STAFF_LOGIN)


def load_shop(pharmacy: Pharmacy, *, owner: User) -> None:
    """The merchant and its items; at a second start only the traces of the last simulator go."""
    with person_scope(owner.pk):
        known = Membership.objects.select_related("merchant").filter(merchant__pharmacy=pharmacy).first()
    merchant: Merchant = known.merchant if known else create_merchant(name=pharmacy.name, pharmacy=pharmacy, by=owner)
    with merchant_scope(merchant.pk):
        if not Item.objects.exists():
            for row in _ITEMS:
                _stock(*row, owner=owner)
        ids = list(Item.objects.values_list("pk", flat=True))
        lock_items(ids)
        for listing in lock_listings(ids):
            if listing.state == ListingState.LIVE:
                publishing.move(listing, ListingState.WITHDRAWN, by=None, error_code="ended_on_channel")
        if known:
            with contextlib.suppress(NotConnected):
                connections.disconnect(Channel.EBAY, by=owner)


def open_shop(owner: User) -> str:
    """Connect to simulated eBay as the owner's browser would, publish the first item and wait until it is live; its
    title. Raises `Difference`."""
    with person_scope(owner.pk):
        merchant_id = Membership.objects.get().merchant_id
    with merchant_scope(merchant_id):
        consent_page = connections.connect(Channel.EBAY, by=owner).authorization_url
    connections.complete(Channel.EBAY, **_agree(consent_page))
    with merchant_scope(merchant_id):
        connections.change_settings(Channel.EBAY, _SETTINGS, by=owner)
        item = Item.objects.order_by("pk")[0]
        publishing.request_publication([item], [Channel.EBAY], by=owner)
    deadline = time.monotonic() + LIVE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        with merchant_scope(merchant_id):
            listing = Listing.objects.get(item=item, channel=Channel.EBAY)
        if listing.state not in (ListingState.PENDING, ListingState.LIVE):
            break
        if listing.state == ListingState.LIVE:
            return str(item.title)
        time.sleep(0.1)
    raise Difference(f"« {item.title} » sur eBay : {listing.state} {listing.last_error}")


def _stock(title: str, category: str, price: int, quantity: int, color: str, *, owner: User) -> None:
    item = create_item(
        title=title,
        category=Category.objects.get(code=category),
        condition=Condition.objects.get(code="new"),
        price=price,
        quantity=quantity,
        by=owner,
    )
    drawn = io.BytesIO()
    Image.new("RGB", (800, 800), color).save(drawn, format="PNG")
    add_image(item, read_picture(drawn.getvalue()), by=owner)


def _agree(page: str) -> dict[str, str]:
    """What the browser brings back from the consent page: `code` and `state`."""
    address, _, query = page.partition("?")
    form = {**dict(parse_qsl(query)), "decision": "agree"}
    answer = requests.post(address, data=form, allow_redirects=False, timeout=10)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
