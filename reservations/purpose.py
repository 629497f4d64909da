"""The purpose `reservation`: what a payment for one costs, keeps and gives."""

import uuid
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Role
from accounts.models import User
from common.errors import NotFound
from payments.exceptions import AlreadyPaid
from payments.models import Payment
from payments.purposes import Quote
from reservations.enums import ACTIVE, Status
from reservations.exceptions import NotPayable
from reservations.models import Reservation
from reservations.selectors import kept_since
from reservations.services.moves import hold, lock, lock_stock
from reservations.signals import reservation_paid

_PAYABLE = (Status.CONFIRMED, Status.READY)


class ReservationPurpose:
    at_counter = True

    def quote(self, user_id: int, purpose_id: str) -> Quote:
        own = Reservation.objects.select_related("pharmacy").filter(user_id=user_id)
        reservation = own.filter(public_id=uuid.UUID(purpose_id)).first()
        if reservation is None:
            raise NotFound(_("Cette réservation n'existe pas."), code="unknown_reservation")
        self._require_payable(reservation)
        # Not the pickup code: the label goes to the gateway, and the code is the proof at the counter.
        label = _("Réservation à %(pharmacy)s") % {"pharmacy": reservation.pharmacy.name}
        return Quote(reservation.total, reservation.currency, label)

    def may_confirm(self, payment: Payment, user: User) -> bool:
        """The pharmacists of that pharmacy."""
        own = Reservation.objects.filter(public_id=uuid.UUID(payment.purpose_id), pharmacy__members__user=user)
        return user.role == Role.PHARMACIST and own.exists()

    def opened(self, payment: Payment) -> None:
        """Nobody loses the boxes while typing a PIN: the hold lasts at least as long as the payment blocks.

        But not for ever: whoever starts one payment after the other gets the time of one.
        """
        reservation = self._locked(payment)
        self._require_payable(reservation)
        latest = kept_since(reservation) + settings.HOLD_UNPAID + settings.PAYMENT_BLOCKS
        until = min(payment.expires_at, latest)
        if reservation.expires_at < until:
            self._keep(reservation, until)

    def can_grant(self, payment: Payment) -> bool:
        try:
            reservation = self._locked(payment)
        except Reservation.DoesNotExist:
            return False
        return (
            reservation.status in _PAYABLE and reservation.paid_at is None and reservation.expires_at > timezone.now()
        )

    def grant(self, payment: Payment) -> None:
        reservation = self._locked(payment)
        reservation.paid_at = timezone.now()
        reservation.save(update_fields=["paid_at", "updated_at"])
        self._keep(reservation, reservation.paid_at + settings.HOLD_PAID)
        reservation_paid.send(Reservation, reservation=reservation, payment=payment)

    def keeps(self, payment: Payment) -> bool:
        """Until the reservation ends early."""
        kept = Reservation.objects.filter(public_id=uuid.UUID(payment.purpose_id), paid_at__isnull=False)
        return kept.filter(status__in=(*ACTIVE, Status.COLLECTED)).exists()

    def _locked(self, payment: Payment) -> Reservation:
        """The reservation, locked together with its stock: its hold is about to be prolonged."""
        pk = Reservation.objects.values_list("pk", flat=True).get(public_id=uuid.UUID(payment.purpose_id))
        lock_stock(pk)
        return lock(pk)

    def _require_payable(self, reservation: Reservation) -> None:
        if reservation.paid_at is not None:
            raise AlreadyPaid
        if reservation.status not in _PAYABLE or reservation.expires_at <= timezone.now():
            raise NotPayable

    def _keep(self, reservation: Reservation, until: datetime) -> None:
        reservation.expires_at = until
        reservation.save(update_fields=["expires_at", "updated_at"])
        hold(reservation, until=reservation.expires_at)
