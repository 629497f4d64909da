from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ProductKind(TextChoices):
    MEDICINE = "medicine", _("Médicament")
    PARAPHARMACY = "parapharmacy", _("Parapharmacie")


class OfferSource(StrEnum):
    """Where an offer comes from: EPG within its cache time, our own count, or what EPG said before it fell silent."""

    EPG = "epg"
    STOCK = "stock"
    STALE = "stale"
