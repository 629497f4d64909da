"""The purpose `appointment`: what a payment for one costs, keeps and gives."""

import uuid

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.enums import Role
from accounts.models import User
from appointments.enums import ACTIVE, PaidWith, Status
from appointments.models import Appointment
from appointments.services.handling import require_payable, settle
from appointments.services.locks import lock
from appointments.signals import appointment_paid
from common.errors import NotFound
from payments.models import Payment
from payments.purposes import Quote


class AppointmentPurpose:
    at_counter = True

    def may_confirm(self, payment: Payment, user: User) -> bool:
        """The doctor, and who keeps their appointments."""
        own = Appointment.objects.filter(public_id=uuid.UUID(payment.purpose_id), practitioner__user=user)
        return user.has_perm("appointments.change_appointment") or (user.role == Role.DOCTOR and own.exists())

    def quote(self, user_id: int, purpose_id: str) -> Quote:
        own = Appointment.objects.select_related("practitioner__user").filter(patient_id=user_id)
        appointment = own.filter(public_id=uuid.UUID(purpose_id)).first()
        if appointment is None:
            raise NotFound(_("Ce rendez-vous n'existe pas."), code="unknown_appointment")
        require_payable(appointment)
        # Not what the visit is about: the label goes to the gateway.
        label = _("Rendez-vous chez %(doctor)s") % {"doctor": appointment.practitioner.user.get_full_name()}
        return Quote(appointment.price, appointment.currency, label)

    def opened(self, payment: Payment) -> None:
        """Nobody loses the slot while typing a PIN: the hold lasts at least as long as the payment blocks.

        But not for ever: whoever starts one payment after the other gets the time of one.
        """
        appointment = self._locked(payment)
        require_payable(appointment)
        if appointment.hold_expires_at is None:
            return
        latest = appointment.created_at + settings.APPOINTMENT_HOLD + settings.PAYMENT_BLOCKS
        until = min(payment.expires_at, latest)
        if appointment.hold_expires_at < until:
            appointment.hold_expires_at = until
            appointment.save(update_fields=["hold_expires_at", "updated_at"])

    def can_grant(self, payment: Payment) -> bool:
        """Also a hold that is overdue, while nobody has taken the slot, and a visit that took place meanwhile."""
        try:
            appointment = self._locked(payment)
        except Appointment.DoesNotExist:
            return False
        return appointment.status in (*ACTIVE, Status.COMPLETED) and appointment.paid_at is None

    def grant(self, payment: Payment) -> None:
        appointment = self._locked(payment)
        settle(appointment, PaidWith.MONEY, by=None)
        appointment_paid.send(Appointment, appointment=appointment, payment=payment, credits=0, by=None)

    def keeps(self, payment: Payment) -> bool:
        """Until the appointment ends early; of one that the patient did not keep the practice may have its share."""
        kept = Appointment.objects.filter(public_id=uuid.UUID(payment.purpose_id), paid_with=PaidWith.MONEY)
        lost = Q(status=Status.CANCELLED, cancelled_by=F("patient"))
        return kept.filter(Q(status__in=(*ACTIVE, Status.COMPLETED, Status.NO_SHOW)) | lost).exists()

    def _locked(self, payment: Payment) -> Appointment:
        pk = Appointment.objects.values_list("pk", flat=True).get(public_id=uuid.UUID(payment.purpose_id))
        return lock(pk)
