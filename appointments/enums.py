from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class Status(TextChoices):
    HELD = "held", _("Retenu")
    BOOKED = "booked", _("Réservé")
    CONFIRMED = "confirmed", _("Confirmé")
    COMPLETED = "completed", _("Effectué")
    CANCELLED = "cancelled", _("Annulé")
    EXPIRED = "expired", _("Expiré")
    NO_SHOW = "no_show", _("Patient absent")


MOVES = Moves(
    {
        Status.HELD: {Status.BOOKED, Status.CANCELLED, Status.EXPIRED},
        Status.BOOKED: {Status.CONFIRMED, Status.CANCELLED, Status.NO_SHOW},
        Status.CONFIRMED: {Status.COMPLETED, Status.CANCELLED, Status.NO_SHOW},
        Status.COMPLETED: set(),
        Status.CANCELLED: set(),
        Status.EXPIRED: set(),
        Status.NO_SHOW: set(),
    }
)

# States in which an appointment blocks its doctor's time; the constraints of the table name the same ones.
ACTIVE = (Status.HELD, Status.BOOKED, Status.CONFIRMED)
# Ends that few come to: the back office finds them by an index of their own.
RARE_ENDS = (Status.CANCELLED, Status.EXPIRED, Status.NO_SHOW)
# How a visit went: nobody knows before its beginning.
TOLD_AFTERWARDS = (Status.COMPLETED, Status.NO_SHOW)


class PaymentStatus(TextChoices):
    """How an appointment stands with its money; computed, never stored."""

    FREE = "free", _("Gratuit")
    UNPAID = "unpaid", _("À payer")
    PENDING = "pending", _("Paiement en cours")
    PAID = "paid", _("Payé")
    REFUND_DUE = "refund_due", _("À rembourser")
    REFUNDED = "refunded", _("Remboursé")


class PaidWith(TextChoices):
    MONEY = "money", _("Argent")
    CREDITS = "credits", _("Crédits")


class Weekday(IntegerChoices):
    """As `datetime.date.weekday()` counts."""

    MONDAY = 0, _("lundi")
    TUESDAY = 1, _("mardi")
    WEDNESDAY = 2, _("mercredi")
    THURSDAY = 3, _("jeudi")
    FRIDAY = 4, _("vendredi")
    SATURDAY = 5, _("samedi")
    SUNDAY = 6, _("dimanche")


class EntryStatus(TextChoices):
    """Somebody on the waitlist."""

    WAITING = "waiting", _("En attente")
    OFFERED = "offered", _("Créneau proposé")
    FULFILLED = "fulfilled", _("Servi")
    LEFT = "left", _("Retiré")


ENTRY_MOVES = Moves(
    {
        EntryStatus.WAITING: {EntryStatus.OFFERED, EntryStatus.LEFT},
        EntryStatus.OFFERED: {EntryStatus.WAITING, EntryStatus.FULFILLED, EntryStatus.LEFT},
        EntryStatus.FULFILLED: set(),
        EntryStatus.LEFT: set(),
    }
)


# Still in line.
OPEN_ENTRY = (EntryStatus.WAITING, EntryStatus.OFFERED)


class OfferStatus(TextChoices):
    """A freed slot offered to one person on the waitlist."""

    LIVE = "live", _("Proposé")
    ACCEPTED = "accepted", _("Accepté")
    DECLINED = "declined", _("Décliné")
    LAPSED = "lapsed", _("Sans réponse")


class FeedKind(TextChoices):
    DOCTOR = "doctor", _("Agenda du médecin")
    PATIENT = "patient", _("Agenda du patient")
