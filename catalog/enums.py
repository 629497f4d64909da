from enum import StrEnum

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class ProductKind(TextChoices):
    MEDICINE = "medicine", _("Médicament")
    PARAPHARMACY = "parapharmacy", _("Parapharmacie")


class OfferSource(StrEnum):
    """Where an offer comes from: EPG within its cache time, our own count, or what EPG said before it fell silent."""

    EPG = "epg"
    STOCK = "stock"
    STALE = "stale"


class Day(IntegerChoices):
    """As Python numbers weekdays, and holidays behind them."""

    MONDAY = 0, _("lundi")
    TUESDAY = 1, _("mardi")
    WEDNESDAY = 2, _("mercredi")
    THURSDAY = 3, _("jeudi")
    FRIDAY = 4, _("vendredi")
    SATURDAY = 5, _("samedi")
    SUNDAY = 6, _("dimanche")
    HOLIDAY = 7, _("jour férié")


class HoursStatus(TextChoices):
    """Where a pharmacy's opening hours come from."""

    UNKNOWN = "unknown", _("inconnus")
    READ = "read", _("lus dans le texte")
    UNREAD = "unread", _("texte à lire")
    ENTERED = "entered", _("saisis")
