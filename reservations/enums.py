from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class Status(TextChoices):
    REQUESTED = "requested", _("Demandée")
    CONFIRMED = "confirmed", _("Confirmée")
    READY = "ready", _("Prête")
    COLLECTED = "collected", _("Retirée")
    REJECTED = "rejected", _("Refusée")
    CANCELLED = "cancelled", _("Annulée")
    EXPIRED = "expired", _("Expirée")


_EARLY_ENDS = {Status.REJECTED, Status.CANCELLED, Status.EXPIRED}

MOVES = Moves(
    {
        Status.REQUESTED: {Status.CONFIRMED, *_EARLY_ENDS},
        Status.CONFIRMED: {Status.READY, *_EARLY_ENDS},
        Status.READY: {Status.COLLECTED, *_EARLY_ENDS},
        Status.COLLECTED: set(),
        Status.REJECTED: set(),
        Status.CANCELLED: set(),
        Status.EXPIRED: set(),
    }
)

# States in which the lines hold stock.
ACTIVE = (Status.REQUESTED, Status.CONFIRMED, Status.READY)


class PaymentStatus(TextChoices):
    """How a reservation stands with its money; computed from its payments, never stored."""

    UNPAID = "unpaid", _("À payer")
    PENDING = "pending", _("Paiement en cours")
    PAID = "paid", _("Payée")
    REFUND_DUE = "refund_due", _("À rembourser")
