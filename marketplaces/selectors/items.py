from django.db.models import Prefetch, QuerySet

from marketplaces.models import Item, ItemImage, Listing, Order, OrderLine


def items() -> QuerySet[Item]:
    """What the merchant of the block sells, with all that is shown of it."""
    rows: QuerySet[Item] = (
        Item.objects.kept()
        .select_related("category", "condition", "brand", "color", "material", "size")
        .prefetch_related(
            Prefetch("images", queryset=ItemImage.objects.order_by("position")),
            Prefetch("listings", queryset=Listing.objects.order_by("channel")),
        )
    )
    return rows


def listings() -> QuerySet[Listing]:
    return Listing.objects.select_related("item")


def orders() -> QuerySet[Order]:
    lines = OrderLine.objects.select_related("item").order_by("pk")
    rows: QuerySet[Order] = Order.objects.prefetch_related(Prefetch("lines", queryset=lines))
    return rows
