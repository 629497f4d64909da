"""An item in the words of a channel, and whether they are still those that it was given."""

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from marketplaces.channels.base import Amount, ChannelError, Goods, Outcome, Picture, Placed
from marketplaces.models import ATTRIBUTES, ItemImage, Listing

_WORDS = ("brand", "color", "material", "size")


def goods_for(listing: Listing, *, may_exist: bool = True) -> Goods:
    """What the channel is to offer. Raises `ChannelError` (`REFUSED`) where the channel has no name for what it is."""
    item = listing.item
    names = {field: _name(listing, field) for field in ATTRIBUTES}
    for field in ("category", "condition"):
        if not names[field]:
            raise ChannelError(Outcome.REFUSED, f"{field}_unmapped", f"{getattr(item, field)}")
    return Goods(
        sku=item.sku,
        title=item.title,
        description=item.description,
        price=Amount(listing.price_override or item.price, item.currency),
        quantity=item.offered_on(listing.channel),
        category=names["category"],
        condition=names["condition"],
        brand=names["brand"],
        ean=item.code if len(item.code) == 13 else "",
        aspects={field: names[field] for field in _WORDS[1:] if names[field]},
        pictures=tuple(_picture(image) for image in item.images.order_by("position")),
        external_id=listing.external_id,
        offer_id=listing.external_offer_id,
        may_exist=may_exist,
    )


def placed(listing: Listing, *, external_id: str = "") -> Placed:
    """What stands, or may stand, on the channel; `external_id` is another one of the same SKU."""
    if external_id:
        return Placed(listing.item.sku, external_id)
    return Placed(listing.item.sku, listing.external_id, listing.external_offer_id)


def told(goods: Goods) -> dict[str, Any]:
    """What a channel was told, small enough to be remembered: quantity, price, and a digest of all the rest.

    Of an image's address only the path counts: a storage may sign it anew every time.
    """
    content = [
        *(goods.title, goods.description, goods.category, goods.condition, goods.brand, goods.ean),
        *(sorted(goods.aspects.items()), [urlsplit(picture.url).path for picture in goods.pictures]),
    ]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return {"quantity": goods.quantity, "price": [goods.price.minor, goods.price.currency], "content": digest}


def _name(listing: Listing, field: str) -> str:
    attribute = getattr(listing.item, field)
    if attribute is None:
        return ""
    known = attribute.channel_ids.filter(channel=listing.channel).values_list("external_id", flat=True).first()
    # A brand or a colour that the channel has no id for is told by its name.
    return known or (attribute.name if field in _WORDS else "")


def _picture(image: ItemImage) -> Picture:
    def read() -> tuple[bytes, str]:
        with image.file.open("rb") as file:
            return file.read(), image.content_type

    url = image.file.url
    return Picture(url if url.startswith(("http:", "https:")) else f"{settings.PUBLIC_URL}{url}", read)
