"""Pharmacies with stock, and reservations in any state."""

from typing import Any

from django.utils import timezone

from accounts.enums import PricedAction, Role
from accounts.models import PriceList, User
from accounts.tests.factories import make_user
from catalog.models import Pharmacy, Stock
from catalog.tests.factories import PharmacyFactory, PharmacyMemberFactory, StockFactory
from payments.enums import Status as PaymentState
from payments.models import Payment
from reservations.enums import EpgStatus, EpgTask, Status
from reservations.models import EpgRequest, Reservation, ReservationLine
from reservations.services.reserving import reserve


def make_pharmacy(**fields: Any) -> Pharmacy:
    return PharmacyFactory(**fields)


def make_stock(pharmacy: Pharmacy | None = None, *, product: str | None = None, **fields: Any) -> Stock:
    """Ten boxes at 1500 francs of a product (a new one unless `product` names its code)."""
    given = {"pharmacy": pharmacy, "product_code": product}
    return StockFactory(**{name: value for name, value in given.items() if value is not None}, **fields)


def make_pharmacist(pharmacy: Pharmacy) -> User:
    return PharmacyMemberFactory(pharmacy=pharmacy, user=make_user(Role.PHARMACIST)).user


def set_reserve_price(credits: int) -> PriceList:
    """What reserving costs, in credits."""
    return PriceList.objects.create(action=PricedAction.RESERVE, label="Réserver", credits=credits)


def make_reservation(
    *, user: User | None = None, stock: Stock | None = None, quantity: int = 2, status: Status = Status.CONFIRMED
) -> Reservation:
    """A reservation of one line, made by the service, then put into `status` without what follows from a move.

    Where it ended, its line holds nothing any more; a collected one counts as paid.
    """
    user = user or make_user()
    stock = stock or make_stock()
    made = reserve(user, pharmacy_code=stock.pharmacy.code, basket=[(stock.product_code, quantity)], by=user)
    reservation = Reservation.objects.get(pk=made.reservation.pk)
    if status != Status.CONFIRMED:
        reservation.status = status
        if status == Status.COLLECTED:
            reservation.paid_at = timezone.now()
        reservation.save()
        if status not in (Status.REQUESTED, Status.READY):
            ReservationLine.objects.filter(reservation=reservation).update(held_until=None)
    return reservation


def make_epg_request(
    *,
    user: User | None = None,
    pharmacy: Pharmacy | None = None,
    status: EpgStatus = EpgStatus.UNKNOWN,
    task: EpgTask = EpgTask.RESOLVE,
) -> EpgRequest:
    """A requested reservation and what EPG was asked for it, as they stand; nobody is called."""
    reservation = make_reservation(user=user, stock=make_stock(pharmacy), status=Status.REQUESTED)
    return EpgRequest.objects.create(
        reservation=reservation,
        pharmacy=reservation.pharmacy,
        epg_id="64b000000000000000000001",
        status=status,
        number="R000001" if status == EpgStatus.CONFIRMED else "",
        answer="timed out",
        task=task,
        task_since=timezone.now() if task else None,
    )


def pay(reservation: Reservation, *, marked: bool = True) -> Payment:
    """Money that came in for a reservation, and the reservation marked as paid."""
    now = timezone.now()
    payment = Payment.objects.create(
        user=reservation.user,
        purpose="reservation",
        purpose_id=str(reservation.public_id),
        label="Réservation",
        amount=reservation.total,
        provider="mypayga",
        network="AM",
        phone="+24177123456",
        status=PaymentState.SUCCEEDED,
        blocks=False,
        expires_at=now,
        settled_at=now,
    )
    if marked:
        reservation.paid_at = now
        reservation.save(update_fields=["paid_at", "updated_at"])
    return payment


def basket(stock: Stock, quantity: Any = 1) -> dict[str, Any]:
    """The body of POST /reservations/ for one line."""
    return {"pharmacy": stock.pharmacy.code, "lines": [{"product": stock.product_code, "quantity": quantity}]}
