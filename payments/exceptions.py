from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, Invalid


class UnknownProvider(Invalid):
    code = "unknown_provider"
    detail = _("Ce moyen de paiement n'existe pas.")


class ProviderNotOffered(Invalid):
    code = "provider_not_offered"
    detail = _("Cela ne se paie pas au comptoir.")


class NotByHand(Conflict):
    code = "not_by_hand"
    detail = _("Ce paiement n'est pas confirmé au comptoir : c'est son prestataire qui répond.")


class UnknownNetwork(Invalid):
    code = "unknown_network"
    detail = _("Le réseau de ce numéro n'est pas reconnu. Indiquez AM (Airtel Money) ou MM (Moov Money).")


class PaymentPending(Conflict):
    code = "payment_pending"
    detail = _("Un paiement est déjà en cours. Confirmez-le sur votre téléphone, ou réessayez dans quelques minutes.")


class AlreadyPaid(Conflict):
    code = "already_paid"
    detail = _("C'est déjà payé.")


class RefundTooLarge(Invalid):
    code = "refund_too_large"
    detail = _("Le remboursement dépasse ce qui reste du paiement.")


class ExternalReferenceTaken(Conflict):
    code = "external_reference_taken"
    detail = _("Un autre remboursement porte déjà cette référence chez ce prestataire.")


class AmountOutOfRange(Invalid):
    code = "amount_out_of_range"
    detail = _("Ce moyen de paiement ne prend pas un tel montant.")
