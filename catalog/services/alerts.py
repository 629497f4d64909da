"""Telling people that a product is back: once, by mail."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from catalog import opening
from catalog.availability import counted
from catalog.exceptions import TooManyAlerts, UnknownPharmacy, UnknownProduct
from catalog.holds import units_held
from catalog.models import Pharmacy, SearchEntry, StockAlert
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work

# Open alerts of one person.
MOST = 50
# Alerts looked at by one sweep.
_BATCH = 500


def add_alert(user: User, *, product_code: str, pharmacy_code: str | None = None) -> tuple[StockAlert, bool]:
    """The open alert of `user` for that product, there or anywhere, and whether it is new: asked twice it is one.

    Raises `UnknownProduct`, `UnknownPharmacy` (404), `TooManyAlerts` (409).
    """
    if not SearchEntry.objects.filter(code=product_code).exists():
        raise UnknownProduct
    pharmacy: Pharmacy | None = None
    if pharmacy_code is not None:
        pharmacy = opening.listed().filter(code=pharmacy_code).first()
        if pharmacy is None:
            raise UnknownPharmacy
    wanted = StockAlert.objects.filter(user=user, product_code=product_code, pharmacy=pharmacy, fired_at=None)
    if (found := wanted.first()) is not None:
        return found, False
    if StockAlert.objects.filter(user=user, fired_at=None).count() >= MOST:
        raise TooManyAlerts
    try:
        with transaction.atomic():
            return StockAlert.objects.create(user=user, product_code=product_code, pharmacy=pharmacy), True
    except IntegrityError:
        # Somebody was faster with the same.
        return wanted.get(), False


def fire_alerts() -> int:
    """Mail everybody whose product is back; how many. Two sweeps at once mail nobody twice."""
    fired = 0
    last = 0
    while batch := list(
        StockAlert.objects.filter(fired_at=None, pk__gt=last).order_by("pk").select_related("user")[:_BATCH]
    ):
        last = batch[-1].pk
        places = _places({alert.product_code for alert in batch})
        for alert in batch:
            names = places.get(alert.product_code, {})
            name = names.get(alert.pharmacy_id) if alert.pharmacy_id else next(iter(names.values()), None)
            if name is not None:
                fired += _fire(alert, name)
    return fired


def _places(codes: set[str]) -> dict[str, dict[int, str]]:
    """Where each product is free now, holds taken off: product code → pharmacy key → its name.

    Of what EPG tells nobody is asked: its "there is some" is no count, and the sweep waits for nobody.
    """
    rows = list(
        counted(codes)
        .filter(quantity__gt=0, pharmacy__in=opening.listed())
        .order_by("pharmacy__name", "pk")
        .values_list("pk", "product_code", "quantity", "pharmacy_id", "pharmacy__name")
    )
    held = units_held([pk for pk, *_rest in rows])
    places: dict[str, dict[int, str]] = {}
    for pk, code, units, pharmacy_id, name in rows:
        if units > held.get(pk, 0):
            places.setdefault(code, {})[pharmacy_id] = name
    return places


def _fire(alert: StockAlert, pharmacy: str) -> bool:
    with unit_of_work():
        # Whoever moves the row sends the mail; both or neither.
        if not _claim(alert):
            return False
        if alert.user.is_active:
            label = SearchEntry.objects.filter(code=alert.product_code).values_list("label", flat=True).first()
            send_mail_later(
                to=alert.user.email,
                template="back_in_stock",
                context={"product": label or alert.product_code, "pharmacy": pharmacy},
                language=alert.user.language,
            )
    return True


def _claim(alert: StockAlert) -> bool:
    """Whether it is us who may fire it: of all who try, the row chooses one."""
    now = timezone.now()
    return bool(StockAlert.objects.filter(pk=alert.pk, fired_at=None).update(fired_at=now, updated_at=now))
