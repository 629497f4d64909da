"""The rows that the contract is tried on, and who asks for them."""

from typing import Any

from django.conf import settings

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from backoffice.tests.world import make_rate, make_rate_payment, make_refund, make_world
from marketplaces.tests.factories import default_plan, make_item, make_job, make_listing, make_merchant

WORLDS = 3


def make_known() -> tuple[dict[str, dict[str, list[Any]]], list[User], User]:
    """Path or body → parameter → values that exist; two patients with rows of their own; an administrator."""
    worlds = [make_world() for _ in range(WORLDS)]
    refunds = [make_refund(payment=make_rate_payment(world.patient)) for world in worlds]
    # Signing in as somebody whom wrong passwords lock out would end the run: those are others.
    targets = [make_user(), make_user(is_verified=False), make_user(Role.STAFF)]
    merchants = [make_merchant(owner=world.patient) for world in worlds]
    items = [make_item(merchant) for merchant in merchants]
    listings = [make_listing(item) for item in items]
    jobs = [make_job(item) for item in items]
    default_plan()
    known = {
        "/reservations/": {"id": [str(world.reservation.public_id) for world in worlds]},
        "/payments/{id}": {"id": [str(payment.public_id) for world in worlds for payment in (world.paid, world.held)]},
        "/refunds/": {"id": [str(refund.public_id) for refund in refunds]},
        "/products/": {"code": [world.stock.product_code for world in worlds]},
        "/pharmacies/": {"code": [world.pharmacy.code for world in worlds]},
        "/callbacks/": {"provider": ["mypayga"], "secret": [settings.PAYMENTS_CALLBACK_TOKEN]},
        "/users/": {"id": [user.pk for user in targets]},
        "/merchants/": {"id": [str(merchant.public_id) for merchant in merchants]},
        "/items/": {"id": [str(item.public_id) for item in items]},
        "/listings/": {"id": [str(listing.public_id) for listing in listings]},
        "/jobs/": {"id": [str(job.public_id) for job in jobs]},
        "/channels/": {"channel": ["ebay", "etsy", "vinted"]},
        "headers": {"X-Merchant": [str(merchant.public_id) for merchant in merchants]},
        "body": {
            "pharmacy": [world.pharmacy.code for world in worlds],
            "product": [world.stock.product_code for world in worlds],
            "quantity": [1, 2],
            "pickup_code": [world.reservation.pickup_code for world in worlds],
            "provider": ["mypayga"],
            "phone": ["077123456", "+24166000002"],
            "rate": [make_rate().pk for _ in worlds],
            "reservation": [str(world.reservation.public_id) for world in worlds],
            "payment": [str(world.paid.public_id) for world in worlds],
            "email": [user.email for user in targets],
            "username": [user.email for user in targets],
            "channels": [["ebay"], ["etsy", "vinted"]],
            "price": [1_500],
            "password": [PASSWORD, "Wrong-password-1"],
        },
    }
    return known, [world.patient for world in worlds[:2]], make_user(Role.ADMIN)
