from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, Forbidden, Invalid, NotFound


class NoMerchant(RuntimeError):
    """A tenant's rows were asked for, and nobody has said whose: a mistake of ours, never an answer."""


class MerchantRequired(Invalid):
    code = "merchant_required"
    detail = _("Indiquez le marchand dans l'en-tête X-Merchant ; GET /api/v1/merchants/ nomme les vôtres.")


class UnknownMerchant(NotFound):
    code = "unknown_merchant"
    detail = _("Ce marchand est introuvable.")


class MerchantInactive(Forbidden):
    code = "merchant_inactive"
    detail = _("Ce marchand est désactivé : adressez-vous à l'équipe.")


class RoleInsufficient(Forbidden):
    code = "role_insufficient"
    detail = _("Votre rôle chez ce marchand ne le permet pas.")


class QuotaExceeded(Conflict):
    code = "quota_exceeded"
    detail = _("Le quota de votre formule est atteint.")


class NotForSale(Invalid):
    """The medicine gate."""

    code = "not_for_sale"
    detail = _("Un médicament ne se vend pas sur une place de marché.")
