from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class Status(TextChoices):
    CREATED = "created", _("Créé")
    SUBMITTING = "submitting", _("En cours d'envoi")
    PENDING = "pending", _("En attente du client")
    UNKNOWN = "unknown", _("Issue inconnue")
    SUCCEEDED = "succeeded", _("Réussi")
    FAILED = "failed", _("Échoué")
    EXPIRED = "expired", _("Expiré")
    HELD = "held", _("À vérifier")


# Success never reverts; money that comes late is honoured once; only staff decide what is held.
MOVES = Moves(
    {
        Status.CREATED: {Status.SUBMITTING},
        Status.SUBMITTING: {Status.PENDING, Status.UNKNOWN, Status.SUCCEEDED, Status.FAILED},
        Status.UNKNOWN: {Status.PENDING, Status.SUCCEEDED, Status.FAILED, Status.EXPIRED, Status.HELD},
        Status.PENDING: {Status.SUCCEEDED, Status.FAILED, Status.EXPIRED, Status.HELD},
        Status.FAILED: {Status.SUCCEEDED, Status.HELD},
        Status.EXPIRED: {Status.SUCCEEDED, Status.HELD},
        Status.HELD: {Status.SUCCEEDED, Status.FAILED},
        Status.SUCCEEDED: set(),
    }
)

# Not settled: the provider may still say something.
OPEN = (Status.CREATED, Status.SUBMITTING, Status.PENDING, Status.UNKNOWN)


class RefundStatus(TextChoices):
    REQUESTED = "requested", _("Demandé")
    DUE = "due", _("Dû")
    APPROVED = "approved", _("Approuvé")
    SENT = "sent", _("Envoyé")
    DONE = "done", _("Effectué")
    FAILED = "failed", _("Échoué")


REFUND_MOVES = Moves(
    {
        RefundStatus.REQUESTED: {RefundStatus.APPROVED},
        RefundStatus.DUE: {RefundStatus.APPROVED},
        RefundStatus.APPROVED: {RefundStatus.SENT},
        RefundStatus.SENT: {RefundStatus.DONE, RefundStatus.FAILED},
        RefundStatus.DONE: set(),
        RefundStatus.FAILED: set(),
    }
)


class Network(TextChoices):
    AIRTEL = "AM", "Airtel Money"
    MOOV = "MM", "Moov Money"


class Verdict(TextChoices):
    """What became of a stored callback."""

    WAITING = "waiting", _("À traiter")
    SETTLED = "settled", _("Traitée")
    DUPLICATE = "duplicate", _("Déjà réglé")
    REFUSED = "refused", _("Refusée")
