from django.utils.translation import gettext_lazy as _

from common.errors import NotFound


class UnknownProduct(NotFound):
    code = "unknown_product"
    detail = _("Produit inconnu.")


class UnknownPharmacy(NotFound):
    code = "unknown_pharmacy"
    detail = _("Pharmacie inconnue.")
