from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, Invalid, NotFound


class UnknownProduct(NotFound):
    code = "unknown_product"
    detail = _("Un produit de votre panier n'existe pas ou n'est plus vendu.")


class UnknownPharmacy(NotFound):
    code = "unknown_pharmacy"
    detail = _("Cette pharmacie n'existe pas ou n'est plus référencée.")


class InsufficientStock(Conflict):
    code = "insufficient_stock"
    detail = _("La pharmacie n'a pas assez de stock. Réduisez la quantité ou choisissez une autre pharmacie.")


class PriceUnknown(Conflict):
    code = "price_unknown"
    detail = _("La pharmacie n'a pas encore fixé le prix d'un produit de votre panier.")


class MixedCurrencies(Conflict):
    code = "mixed_currencies"
    detail = _("Les produits de votre panier sont vendus dans des devises différentes. Réservez-les séparément.")


class TotalTooLarge(Invalid):
    """More than anybody can pay at once (`common.money.MAX_AMOUNT`)."""

    code = "total_too_large"
    detail = _("Le total de votre panier dépasse ce qui peut être payé en une fois. Réservez en plusieurs fois.")


class PaymentRequired(Conflict):
    code = "payment_required"
    detail = _("La réservation doit être payée avant d'être retirée.")


class WrongPickupCode(Invalid):
    code = "wrong_pickup_code"
    detail = _("Ce numéro de retrait n'est pas celui de la réservation.")


class NotPayable(Conflict):
    code = "not_payable"
    detail = _("Cette réservation ne peut pas être payée dans son état actuel.")
