from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class ImportState(TextChoices):
    RUNNING = "running", _("En cours")
    DONE = "done", _("Terminée")
    UNDONE = "undone", _("Annulée")


class FileImportState(TextChoices):
    """A file that staff bring in: looked at, shown, and then done, or not."""

    CHECKING = "checking", _("Examen en cours")
    READY = "ready", _("À confirmer")
    APPLYING = "applying", _("Import en cours")
    DONE = "done", _("Terminé")
    ABANDONED = "abandoned", _("Abandonné")
    FAILED = "failed", _("Échoué")


FILE_IMPORT_MOVES = Moves(
    {
        FileImportState.CHECKING: {FileImportState.READY, FileImportState.ABANDONED, FileImportState.FAILED},
        FileImportState.READY: {FileImportState.APPLYING, FileImportState.ABANDONED},
        FileImportState.APPLYING: {FileImportState.DONE, FileImportState.FAILED},
        FileImportState.DONE: set(),
        FileImportState.ABANDONED: set(),
        FileImportState.FAILED: set(),
    }
)


class MailState(TextChoices):
    WAITING = "waiting", _("En attente")
    SENT = "sent", _("Envoyé")
    DROPPED = "dropped", _("Sans objet")
    FAILED = "failed", _("Échoué")
