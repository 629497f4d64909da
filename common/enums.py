from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ImportState(TextChoices):
    RUNNING = "running", _("En cours")
    DONE = "done", _("Terminée")
    UNDONE = "undone", _("Annulée")


class MailState(TextChoices):
    WAITING = "waiting", _("En attente")
    SENT = "sent", _("Envoyé")
    DROPPED = "dropped", _("Sans objet")
    FAILED = "failed", _("Échoué")
