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


class EpgStatus(TextChoices):
    """How the request to EPG that belongs to a reservation stands; whoever moves it to `calling` makes the call."""

    CREATED = "created", _("À envoyer")
    CALLING = "calling", _("En cours")
    CONFIRMED = "confirmed", _("Confirmée")
    REFUSED = "refused", _("Refusée")
    UNKNOWN = "unknown", _("Issue inconnue")
    UNSENT = "unsent", _("Jamais reçue")


EPG_MOVES = Moves(
    {
        EpgStatus.CREATED: {EpgStatus.CALLING, EpgStatus.UNSENT},
        EpgStatus.CALLING: {EpgStatus.CONFIRMED, EpgStatus.REFUSED, EpgStatus.UNKNOWN, EpgStatus.UNSENT},
        EpgStatus.UNKNOWN: {EpgStatus.CONFIRMED, EpgStatus.REFUSED, EpgStatus.UNSENT},
        # An answer that comes after staff have looked in vain is the truth all the same.
        EpgStatus.REFUSED: {EpgStatus.CONFIRMED},
        EpgStatus.CONFIRMED: set(),
        EpgStatus.UNSENT: set(),
    }
)

# What the sweep takes over when its time has come.
EPG_OPEN = (EpgStatus.CREATED, EpgStatus.CALLING)


class EpgTask(TextChoices):
    """What a person has to do about a request: nothing else can."""

    NONE = "", _("Rien")
    RESOLVE = "resolve", _("Vérifier auprès de la pharmacie")
    RELEASE = "release", _("Faire libérer les boîtes")
    PRICE = "price", _("Éclaircir le prix")
