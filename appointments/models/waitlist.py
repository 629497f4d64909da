import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from appointments.enums import EntryStatus, OfferStatus
from appointments.models.booking import Appointment
from appointments.models.people import Practitioner, Specialty, VisitType
from common.models import Timestamped


class WaitlistEntryQuerySet(models.QuerySet["WaitlistEntry"]):
    def waiting_for(self, practitioner_id: int) -> "WaitlistEntryQuerySet":
        """Who waits for this doctor, or for a specialty of theirs; a wider specialty includes those below it."""
        specialties = Specialty.objects.filter(
            Q(practitioners=practitioner_id) | Q(children__practitioners=practitioner_id)
        )
        return self.filter(
            Q(practitioner_id=practitioner_id) | Q(specialty__in=specialties), status=EntryStatus.WAITING
        )


class WaitlistEntry(Timestamped):
    """Somebody who waits for a slot of one doctor or of one specialty, on days and at hours that suit them."""

    public_id = models.UUIDField(_("identifiant public"), default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waitlist", verbose_name=_("patient")
    )
    practitioner = models.ForeignKey(
        Practitioner,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="waitlist",
        verbose_name=_("praticien"),
        db_index=False,
    )
    specialty = models.ForeignKey(
        Specialty,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="waitlist",
        verbose_name=_("spécialité"),
        db_index=False,
    )
    visit_type = models.ForeignKey(
        VisitType,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("type de visite"),
        db_index=False,
    )
    date_from = models.DateField(_("du"))
    date_to = models.DateField(_("au"))
    weekdays = models.JSONField(_("jours"), default=list, blank=True)
    time_from = models.TimeField(_("de"), null=True, blank=True)
    time_to = models.TimeField(_("à"), null=True, blank=True)
    status = models.CharField(_("état"), max_length=16, choices=EntryStatus, default=EntryStatus.WAITING)

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("inscription en liste d'attente")
        verbose_name_plural = _("liste d'attente")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=EntryStatus.values), name="waitlist_status_known"),
            models.CheckConstraint(condition=Q(date_to__gte=F("date_from")), name="waitlist_dates_in_order"),
            models.CheckConstraint(
                condition=Q(practitioner=None, specialty__isnull=False) | Q(practitioner__isnull=False, specialty=None),
                name="waitlist_doctor_or_specialty",
            ),
        ]
        indexes = [
            models.Index(
                fields=["practitioner", "id"],
                condition=Q(status=EntryStatus.WAITING, practitioner__isnull=False),
                name="waitlist_practitioner_waiting",
            ),
            models.Index(
                fields=["specialty", "id"],
                condition=Q(status=EntryStatus.WAITING, specialty__isnull=False),
                name="waitlist_specialty_waiting",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)[:8]


class FreedSlot(Timestamped):
    """A slot that became free again: what is offered to the waitlist, to one person after the other.

    `next_at` is set while somebody should look whom to offer it to: the truth behind the task that does.
    """

    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="+", verbose_name=_("praticien"), db_index=False
    )
    visit_type = models.ForeignKey(
        VisitType, on_delete=models.CASCADE, related_name="+", verbose_name=_("type de visite"), db_index=False
    )
    starts_at = models.DateTimeField(_("début"))
    next_at = models.DateTimeField(_("à proposer à partir de"), null=True, blank=True)

    class Meta:
        verbose_name = _("créneau libéré")
        verbose_name_plural = _("créneaux libérés")
        constraints = [
            models.UniqueConstraint(fields=["practitioner", "starts_at", "visit_type"], name="freedslot_once")
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="freedslot_due")]

    def __str__(self) -> str:
        return f"{self.practitioner_id} {self.starts_at:%Y-%m-%d %H:%M}"


class WaitlistOffer(Timestamped):
    """A freed slot held for somebody on the waitlist; there is never more than one live offer of it."""

    slot = models.ForeignKey(
        FreedSlot, on_delete=models.CASCADE, related_name="offers", verbose_name=_("créneau"), db_index=False
    )
    entry = models.ForeignKey(
        WaitlistEntry, on_delete=models.CASCADE, related_name="offers", verbose_name=_("inscription")
    )
    appointment = models.OneToOneField(
        Appointment, on_delete=models.CASCADE, related_name="offer", verbose_name=_("rendez-vous")
    )
    status = models.CharField(_("état"), max_length=16, choices=OfferStatus, default=OfferStatus.LIVE)

    class Meta:
        verbose_name = _("proposition")
        verbose_name_plural = _("propositions")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=OfferStatus.values), name="offer_status_known"),
            models.UniqueConstraint(fields=["slot"], condition=Q(status=OfferStatus.LIVE), name="offer_one_live"),
            # Whoever let it pass is not asked again.
            models.UniqueConstraint(fields=["slot", "entry"], name="offer_slot_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.slot_id} → {self.entry_id}"
