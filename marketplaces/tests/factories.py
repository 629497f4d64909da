"""Merchants, people and items for tests. Rows of a merchant's are made in their own block."""

import itertools
import os
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import make_user
from marketplaces import tokens
from marketplaces.enums import (
    OF_A_LISTING,
    Channel,
    ConnectionState,
    JobKind,
    JobState,
    ListingState,
    MemberRole,
    OrderState,
    ProductClass,
)
from marketplaces.models import (
    BuyerMessage,
    Category,
    ChannelAuthorization,
    ChannelCall,
    ChannelConnection,
    ChannelQueue,
    Condition,
    ForeignListing,
    Item,
    ItemImage,
    Job,
    JobTurn,
    Listing,
    Membership,
    Merchant,
    Order,
    OrderLine,
    Plan,
    PluginDevice,
    PluginTask,
    SubscriptionQuota,
)
from marketplaces.sku import sku_for
from marketplaces.tenancy import crossing, merchant_scope

_numbers = itertools.count(1)


def make_plan(**limits: int) -> Plan:
    """A plan with those limits and no others: `make_plan(items=2)`."""
    plan = Plan.objects.create(code=f"plan-{next(_numbers)}", name="Formule")
    for kind, limit in limits.items():
        SubscriptionQuota.objects.create(plan=plan, kind=kind, limit=limit)
    return plan


def default_plan() -> Plan:
    """That of new merchants: of the migrations, or one of ours where a test with real transactions took it away."""
    plan = Plan.objects.filter(is_default=True).first() or make_plan()
    if not plan.is_default:
        plan.is_default = True
        plan.save()
    return plan


def make_merchant(*, owner: User | None = None, plan: Plan | None = None, **fields: Any) -> Merchant:
    number = next(_numbers)
    values = {"name": f"Pharmacie {number}", "currency": "XAF", "plan": plan or make_plan(), **fields}
    with crossing():
        merchant = Merchant.objects.create(**values)
    if owner is not None:
        make_member(merchant, MemberRole.OWNER, user=owner)
    return merchant


def make_member(merchant: Merchant, role: MemberRole, *, user: User | None = None) -> User:
    user = user or make_user()
    with merchant_scope(merchant.pk):
        Membership.objects.create(merchant=merchant, user=user, role=role)
    return user


def make_category(**fields: Any) -> Category:
    number = next(_numbers)
    values = {"product_class": ProductClass.COSMETIC, "is_allowed": True, **fields}
    category = Category.objects.create(
        code=f"category-{number}", name_fr=f"Soin {number}", name_en=f"Care {number}", **values
    )
    for channel in Channel:
        category.channel_ids.create(channel=channel, external_id=str(1000 + number))
    return category


def make_condition() -> Condition:
    number = next(_numbers)
    condition = Condition.objects.create(code=f"condition-{number}", name_fr="Neuf", name_en="New")
    for channel in Channel:
        condition.channel_ids.create(channel=channel, external_id="NEW")
    return condition


def make_item(merchant: Merchant, **fields: Any) -> Item:
    values = {
        "title": f"Crème {next(_numbers)}",
        "price": 5000,
        "currency": merchant.currency,
        "quantity": 3,
        "category": fields.pop("category", None) or make_category(),
        "condition": fields.pop("condition", None) or make_condition(),
        **fields,
    }
    item = Item(merchant=merchant, **values)
    item.sku = sku_for(item.public_id)
    with merchant_scope(merchant.pk):
        item.save(force_insert=True)
    return item


def make_image(item: Item, **fields: Any) -> ItemImage:
    values = {
        "file": f"marketplaces/{next(_numbers)}.jpg",
        "content_type": "image/jpeg",
        "size": 1000,
        "width": 800,
        "height": 600,
        "position": 0,
        **fields,
    }
    with merchant_scope(item.merchant_id):
        return ItemImage.objects.create(merchant_id=item.merchant_id, item=item, **values)


def make_listing(item: Item, channel: Channel = Channel.EBAY, **fields: Any) -> Listing:
    values = {"state": ListingState.LIVE, "external_id": f"1100{next(_numbers)}", **fields}
    with merchant_scope(item.merchant_id):
        return Listing.objects.create(merchant_id=item.merchant_id, item=item, channel=channel, **values)


def make_order(item: Item, channel: Channel = Channel.EBAY, *, quantity: int = 1, **fields: Any) -> Order:
    values = {
        "external_id": f"order-{next(_numbers)}",
        "state": OrderState.RECEIVED,
        "total": item.price * quantity,
        "currency": item.currency,
        "ordered_at": timezone.now(),
        **fields,
    }
    with merchant_scope(item.merchant_id):
        order = Order.objects.create(merchant_id=item.merchant_id, channel=channel, **values)
        OrderLine.objects.create(
            merchant_id=item.merchant_id,
            order=order,
            external_id="1",
            item=item,
            sku=item.sku,
            title=item.title,
            quantity=quantity,
            unit_price=item.price,
        )
    return order


def make_connection(merchant: Merchant, channel: Channel = Channel.EBAY, **fields: Any) -> ChannelConnection:
    """Connected, without tokens; `access` and `refresh` are sealed into it."""
    pair = {name: fields.pop(name) for name in ("access", "refresh") if name in fields}
    values = {
        "state": ConnectionState.CONNECTED,
        "connected_at": timezone.now(),
        "expires_at": timezone.now() + timedelta(hours=1),
        "tokens": tokens.seal(pair, merchant_id=merchant.pk, channel=channel) if pair else b"",
        **fields,
    }
    with merchant_scope(merchant.pk):
        return ChannelConnection.objects.create(merchant=merchant, channel=channel, **values)


def make_authorization(merchant: Merchant, user: User, channel: Channel = Channel.EBAY) -> ChannelAuthorization:
    with merchant_scope(merchant.pk):
        return ChannelAuthorization.objects.create(
            merchant=merchant,
            user=user,
            channel=channel,
            digest="0" * 64,
            verifier=tokens.seal({"verifier": "v"}, merchant_id=merchant.pk, channel=channel),
            expires_at=timezone.now() + timedelta(minutes=10),
        )


def make_job(item: Item, kind: JobKind = JobKind.PUBLISH, channel: Channel = Channel.EBAY, **fields: Any) -> Job:
    """A job of the item's listing on that channel, due now."""
    now = timezone.now()
    with merchant_scope(item.merchant_id):
        listing = Listing.objects.filter(item=item, channel=channel).first()
    if kind in OF_A_LISTING and listing is None:
        listing = make_listing(item, channel, state=ListingState.PENDING, external_id="")
    values = {
        "listing": listing if kind in OF_A_LISTING else None,
        "priority": 2,
        "next_at": now,
        "expires_at": now + timedelta(days=7),
        **fields,
    }
    with merchant_scope(item.merchant_id):
        return Job.objects.create(merchant_id=item.merchant_id, kind=kind, channel=channel, **values)


def make_dead_letter(item: Item, channel: Channel = Channel.ETSY) -> Job:
    """A publication that the channel refused, and the queue that it stood in."""
    make_listing(item, channel, state=ListingState.FAILED, external_id="")
    with merchant_scope(item.merchant_id):
        ChannelQueue.objects.create(merchant_id=item.merchant_id, channel=channel)
    refused = {"last_error": "bad", "last_error_code": "bad"}
    return make_job(item, channel=channel, state=JobState.FAILED, next_at=None, finished_at=timezone.now(), **refused)


def make_device(merchant: Merchant, user: User | None = None, **fields: Any) -> PluginDevice:
    values = {"name": "Chrome", "token_hash": os.urandom(32), "created_by": user or make_user(), **fields}
    with merchant_scope(merchant.pk):
        return PluginDevice.objects.create(merchant=merchant, **values)


def make_task(job: Job, **fields: Any) -> PluginTask:
    values = {"action": "publish", "method": "POST", "path": "/api/items", **fields}
    with merchant_scope(job.merchant_id):
        return PluginTask.objects.create(merchant_id=job.merchant_id, job=job, channel=job.channel, **values)


def make_found(merchant: Merchant, **fields: Any) -> ForeignListing:
    values = {"channel": Channel.EBAY, "external_id": f"x{next(_numbers)}", "seen_at": timezone.now(), **fields}
    with merchant_scope(merchant.pk):
        return ForeignListing.objects.create(merchant=merchant, **values)


def make_job_rows(item: Item) -> Job:
    """A row in every table of the jobs."""
    job = make_job(item)
    with crossing():
        merchant = Merchant.objects.get(pk=item.merchant_id)
    make_device(merchant)
    make_task(job)
    make_found(merchant)
    with merchant_scope(merchant.pk):
        ChannelCall.objects.create(merchant=merchant, job=job, action="publish")
        ChannelQueue.objects.create(merchant=merchant, channel=Channel.EBAY)
        JobTurn.objects.create(merchant=merchant)
        BuyerMessage.objects.create(merchant=merchant, channel=Channel.VINTED, external_id=f"m{next(_numbers)}")
    return job
