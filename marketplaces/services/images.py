"""The pictures of an item, in their order. Everything runs in the merchant's block.

A file's name is made of what it holds: the same picture sent twice is one. Files are written before the transaction
commits and removed after it: what a crash leaves is a file that nobody names, never a row without its file.
"""

import functools
import uuid
from collections.abc import Sequence

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.errors import Conflict, FieldError, Invalid
from common.unit_of_work import unit_of_work
from marketplaces.models import Item, ItemImage
from marketplaces.pictures import Picture
from marketplaces.services import publishing
from marketplaces.services.locks import lock_items
from marketplaces.signals import images_changed

# eBay takes 24, Etsy 10.
MOST = 10
# Above every position there can be: room to put them in another order under the unique constraint.
_ASIDE = 1000


class TooManyImages(Conflict):
    code = "too_many_images"
    detail = _("Un article a au plus 10 images.")


def add_image(item: Item, picture: Picture, *, by: User | None) -> ItemImage:
    """Put a picture behind the others; one that is there already is returned as it is. Raises `TooManyImages` (409)."""
    with unit_of_work():
        (item,) = lock_items([item.pk])
        images = list(item.images.order_by("position"))
        for image in images:
            if image.digest == picture.digest:
                return image
        if len(images) >= MOST:
            raise TooManyImages
        image = ItemImage(
            merchant_id=item.merchant_id,
            item=item,
            content_type=picture.content_type,
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            digest=picture.digest,
            position=len(images),
        )
        name = f"items/{item.public_id}/{image.public_id}.{picture.extension}"
        image.file.name = default_storage.save(name, ContentFile(picture.content))
        image.save(force_insert=True)
        images_changed.send(ItemImage, item=item, change="added", images=[image.public_id], by=by)
        publishing.follow(item, by=by)
    return image


def remove_image(image: ItemImage, *, by: User | None) -> None:
    """Take a picture away; those behind it move up."""
    with unit_of_work():
        (item,) = lock_items([image.item_id])
        images = list(item.images.order_by("position"))
        rest = [each for each in images if each.pk != image.pk]
        if len(rest) == len(images):
            return
        file_name = str(image.file.name)
        image.delete()
        _put_in_order(rest)
        images_changed.send(ItemImage, item=item, change="removed", images=[image.public_id], by=by)
        publishing.follow(item, by=by)
        transaction.on_commit(functools.partial(default_storage.delete, file_name))


def order_images(item: Item, public_ids: Sequence[uuid.UUID], *, by: User | None) -> list[ItemImage]:
    """Put the pictures in that order, which names each of them once. Raises `Invalid` (400)."""
    with unit_of_work():
        (item,) = lock_items([item.pk])
        images = {image.public_id: image for image in item.images.order_by("position")}
        if sorted(public_ids) != sorted(images):
            detail = _("Nommez chaque image de l'article une fois, dans le nouvel ordre.")
            raise Invalid(errors=[FieldError("images", "invalid", detail)])
        wanted = [images[public_id] for public_id in public_ids]
        if wanted != list(images.values()):
            _put_in_order(wanted)
            images_changed.send(ItemImage, item=item, change="ordered", images=list(public_ids), by=by)
            publishing.follow(item, by=by)
    return wanted


def _put_in_order(images: Sequence[ItemImage]) -> None:
    moving = [(place, image) for place, image in enumerate(images) if image.position != place]
    for offset in (_ASIDE, 0):
        for place, image in moving:
            image.position = place + offset
            image.save(update_fields=["position", "updated_at"])
