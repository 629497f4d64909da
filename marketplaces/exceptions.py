from typing import Any

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

    def __init__(self, detail: Any = None, *, product_code: str = "", category: str = "", reason: str) -> None:
        self.product_code, self.category, self.reason = product_code, category, reason
        super().__init__(detail, extra={"reason": reason})


class NothingToSell(Conflict):
    code = "nothing_to_sell"
    detail = _("La quantité offerte à ce canal est nulle : ajoutez du stock ou baissez la réserve du canal.")


class QuantityChanged(Conflict):
    """`quantity` is what is there now."""

    code = "quantity_changed"
    detail = _("Le stock a changé entre-temps : repartez de la quantité actuelle.")


class ItemRefused(Conflict):
    code = "item_refused"
    detail = _("L'équipe a refusé cet article : il ne peut pas être publié.")


class LastOwner(Conflict):
    code = "last_owner"
    detail = _("Un marchand garde au moins un propriétaire : nommez-en un autre d'abord.")


class UnknownPerson(NotFound):
    code = "unknown_person"
    detail = _("Aucun compte vérifié ne porte cette adresse.")


class AlreadyMember(Conflict):
    code = "already_member"
    detail = _("Cette personne est déjà membre.")


class InvalidInvitation(Invalid):
    code = "invalid_invitation"
    detail = _("Cette invitation n'est plus valable : demandez-en une autre.")


class InvitationForAnother(Forbidden):
    code = "invitation_for_another"
    detail = _("Cette invitation est pour une autre adresse : connectez-vous avec le compte qui l'a reçue.")


class MayNotOpen(Forbidden):
    code = "merchant_not_yours"
    detail = _("Un pharmacien ouvre un marchand pour sa propre pharmacie ; l'équipe, pour toutes.")


class PharmacyTaken(Conflict):
    code = "pharmacy_has_merchant"
    detail = _("Cette pharmacie a déjà un marchand.")


class NoDefaultPlan(Conflict):
    code = "no_default_plan"
    detail = _("Aucune formule n'est celle des nouveaux marchands : l'équipe en choisit une parmi les formules.")


class ChannelCannot(Conflict):
    code = "channel_cannot"
    detail = _("Ce canal ne le permet pas.")


class DeviceRevoked(Forbidden):
    code = "device_revoked"
    detail = _("Ce navigateur a été révoqué : ajoutez-le à nouveau.")


class DeviceRequired(Forbidden):
    code = "device_required"
    detail = _("Cette adresse est celle des navigateurs ajoutés par un marchand.")


class TaskNotYours(Conflict):
    code = "task_not_yours"
    detail = _("Cette tâche est celle d'un autre navigateur, ou de personne.")
