"""What a plan allows, and what is used of it. Who adds holds the merchant's row: counts are then true."""

from collections.abc import Callable
from dataclasses import dataclass

from common.errors import FieldError
from marketplaces.enums import ON_CHANNEL, Channel, QuotaKind
from marketplaces.exceptions import QuotaExceeded
from marketplaces.models import Item, Listing, Merchant, SubscriptionQuota

_jobs_today: Callable[[], int] = lambda: 0  # noqa: E731


def count_jobs_by(counter: Callable[[], int]) -> None:
    """Whoever has the jobs says how many the merchant of the block has asked for today."""
    global _jobs_today
    _jobs_today = counter


@dataclass(frozen=True)
class Usage:
    """`limit` is None where the plan has none; `channel` is empty for what is not counted by channel."""

    kind: QuotaKind
    channel: str
    used: int
    limit: int | None


def limits_of(merchant: Merchant) -> dict[str, int]:
    """Kind → the most; a kind that is missing has no limit."""
    return dict(SubscriptionQuota.objects.filter(plan_id=merchant.plan_id).values_list("kind", "limit"))


def require(merchant: Merchant, kind: QuotaKind, *, used: int, adding: int, channel: str = "") -> None:
    """Raise `QuotaExceeded` (409) where `used + adding` is beyond the plan. `merchant` is locked."""
    limit = limits_of(merchant).get(kind)
    if limit is None or used + adding <= limit:
        return
    field = channel or str(kind)
    raise QuotaExceeded(
        errors=[FieldError(field, QuotaExceeded.code, QuotaExceeded.detail, {"limit": limit, "used": used})],
        extra={"kind": str(kind), "limit": limit, "used": used},
    )


def require_item(merchant: Merchant) -> None:
    """Room for one item more."""
    require(merchant, QuotaKind.ITEMS, used=items_used(), adding=1)


def require_listings(merchant: Merchant, channel: str, *, adding: int) -> None:
    """Room for so many listings more on a channel."""
    require(merchant, QuotaKind.LISTINGS, used=listings_used(channel), adding=adding, channel=channel)


def room_for_listings(merchant: Merchant, channel: str) -> int | None:
    """How many listings more a channel may have; None where the plan has no limit. `merchant` is locked."""
    limit = limits_of(merchant).get(QuotaKind.LISTINGS)
    return None if limit is None else max(0, limit - listings_used(channel))


def require_jobs(merchant: Merchant, *, adding: int) -> None:
    """Room for so many jobs more today."""
    require(merchant, QuotaKind.JOBS_PER_DAY, used=_jobs_today(), adding=adding)


def items_used() -> int:
    return int(Item.objects.kept().count())


def listings_used(channel: str) -> int:
    return Listing.objects.filter(channel=channel, state__in=ON_CHANNEL).count()


def usage(merchant: Merchant) -> list[Usage]:
    """Every quota of the merchant of the block."""
    limits = limits_of(merchant)
    rows = [(QuotaKind.ITEMS, "", items_used())]
    rows += [(QuotaKind.LISTINGS, channel.value, listings_used(channel)) for channel in Channel]
    rows += [(QuotaKind.JOBS_PER_DAY, "", _jobs_today())]
    return [Usage(kind, channel, used, limits.get(kind)) for kind, channel, used in rows]
