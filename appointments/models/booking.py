import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from appointments.enums import ACTIVE, RARE_ENDS, OfferStatus, PaidWith, Status
from appointments.models.people import Practitioner, VisitType
from common.models import Timestamped
from common.money import XAF

_CHOSEN = Q(offer=None) | Q(offer__status=OfferStatus.ACCEPTED)


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def visible_to(self, user: User) -> "AppointmentQuerySet":
        """A patient's own; a doctor's practice's that are `chosen`; all with `appointments.view_appointment`."""
        if user.has_perm("appointments.view_appointment"):
            return self
        if user.role != Role.DOCTOR:
            return self.filter(patient=user)
        # Its number, looked up first: an OR across a join is answered by reading the whole table, and so is one over a
        # number that the planner cannot know.
        practice = Practitioner.objects.filter(user=user).values_list("pk", flat=True).first()
        return self.filter(Q(patient=user) | Q(practitioner=practice)).filter(Q(patient=user) | _CHOSEN)

    def chosen(self) -> "AppointmentQuerySet":
        """Without what the waitlist offered to people who did not accept it: their doctor never learns of them."""
        return self.filter(_CHOSEN)

    def active(self) -> "AppointmentQuerySet":
        return self.filter(status__in=ACTIVE)

    def overdue(self, now: datetime) -> "AppointmentQuerySet":
        """Holds whose time is up."""
        return self.filter(status=Status.HELD, hold_expires_at__lte=now)


class Appointment(Timestamped):
    """A visit of one patient to one practitioner, at the price as it was when it was booked.

    Until when it is cancelled for nothing, and what is kept after that, the practitioner's rules of the moment say.
    `blocked_from` and `blocked_until` are the visit with its buffers. On PostgreSQL a generated range over them and two
    exclusion constraints refuse overlaps of active rows, on SQLite a trigger does (migration 0002); rows overbooked on
    purpose stand outside of the practitioner's rule. `private_notes` are encrypted, for the doctor alone.
    """

    public_id = models.UUIDField(_("identifiant public"), default=uuid.uuid4, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.PROTECT, related_name="appointments", verbose_name=_("praticien"), db_index=False
    )
    patient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="appointments",
        verbose_name=_("patient"),
        db_index=False,
    )
    visit_type = models.ForeignKey(
        VisitType, on_delete=models.PROTECT, related_name="+", verbose_name=_("type de visite"), db_index=False
    )
    starts_at = models.DateTimeField(_("début"))
    ends_at = models.DateTimeField(_("fin"))
    blocked_from = models.DateTimeField(_("bloqué du"))
    blocked_until = models.DateTimeField(_("bloqué jusqu'à"))
    status = models.CharField(_("état"), max_length=16, choices=Status)
    reason = models.CharField(_("motif de la visite"), max_length=500, blank=True)
    private_notes = models.BinaryField(_("notes du médecin, chiffrées"), default=b"", blank=True)
    price = models.PositiveBigIntegerField(_("prix"), default=0)
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    price_credits = models.PositiveBigIntegerField(_("prix en crédits"), null=True, blank=True)
    credits_charged = models.PositiveBigIntegerField(_("crédits consommés"), default=0)
    # Of a fee paid in credits, where the visit ended early.
    credits_returned = models.PositiveBigIntegerField(_("honoraires rendus en crédits"), null=True, blank=True)
    paid_at = models.DateTimeField(_("payé le"), null=True, blank=True)
    paid_with = models.CharField(_("payé avec"), max_length=8, choices=PaidWith, blank=True)
    hold_expires_at = models.DateTimeField(_("retenu jusqu'à"), null=True, blank=True)
    overbooked = models.BooleanField(_("en surnombre"), default=False)
    overbook_reason = models.CharField(_("motif du surnombre"), max_length=200, blank=True)
    sequence = models.PositiveIntegerField(_("révision"), default=0)
    # When the time was last chosen: a reminder that was due before that is no reminder.
    scheduled_at = models.DateTimeField(_("fixé le"))
    # While set, the patient is still to be told of the latest change.
    notice_due_at = models.DateTimeField(_("à annoncer depuis"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("annulé le"), null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("annulé par"),
        db_index=False,
    )
    cancel_reason = models.CharField(_("motif de l'annulation"), max_length=200, blank=True)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("rendez-vous")
        verbose_name_plural = _("rendez-vous")
        permissions = [
            ("overbook_appointment", "Can book an appointment beyond what the schedule allows"),
            ("move_appointment", "Can cancel and move an appointment for the patient"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="appointment_status_known"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="appointment_ends_after_start"),
            models.CheckConstraint(
                condition=Q(blocked_from__lte=F("starts_at"), blocked_until__gte=F("ends_at")),
                name="appointment_blocked_around",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.HELD, hold_expires_at__isnull=False)
                | (~Q(status=Status.HELD) & Q(hold_expires_at=None)),
                name="appointment_hold_dated",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.CANCELLED, cancelled_at__isnull=False)
                | (~Q(status=Status.CANCELLED) & Q(cancelled_at=None, cancelled_by=None, cancel_reason="")),
                name="appointment_cancelled_dated",
            ),
            models.CheckConstraint(
                condition=Q(overbooked=True) & ~Q(overbook_reason="") | Q(overbooked=False, overbook_reason=""),
                name="appointment_overbooked_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(paid_at=None, paid_with="") | (Q(paid_at__isnull=False) & Q(paid_with__in=PaidWith.values)),
                name="appointment_paid_with",
            ),
        ]
        indexes = [
            models.Index(fields=["practitioner", "starts_at"], name="appointment_practitioner_day"),
            models.Index(fields=["patient", "-id"], name="appointment_patient_newest"),
            models.Index(fields=["hold_expires_at"], condition=Q(status=Status.HELD), name="appointment_overdue"),
            models.Index(
                fields=["starts_at"],
                condition=Q(status__in=(Status.BOOKED, Status.CONFIRMED)),
                name="appointment_upcoming",
            ),
            models.Index(
                fields=["notice_due_at"], condition=Q(notice_due_at__isnull=False), name="appointment_notice_due"
            ),
            models.Index(fields=["status", "-id"], condition=Q(status__in=RARE_ENDS), name="appointment_rare_newest"),
            # And one on `created_at` by migration: BRIN on PostgreSQL.
        ]

    def __str__(self) -> str:
        return str(self.public_id)[:8]


class Notice(Timestamped):
    """A mail about an appointment that was handed to the outbox: each kind once for a revision or a time."""

    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="notices", verbose_name=_("rendez-vous"), db_index=False
    )
    kind = models.CharField(_("nature"), max_length=32)
    starts_at = models.DateTimeField(_("début"))
    # 0 for reminders: however often an appointment is moved away and back, its time is recalled once.
    sequence = models.PositiveIntegerField(_("révision"), default=0)

    class Meta:
        verbose_name = _("avis envoyé")
        verbose_name_plural = _("avis envoyés")
        constraints = [
            models.UniqueConstraint(fields=["appointment", "kind", "starts_at", "sequence"], name="notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.appointment_id}"
