from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, NotFound


class UnknownProduct(NotFound):
    code = "unknown_product"
    detail = _("Produit inconnu.")


class UnknownPharmacy(NotFound):
    code = "unknown_pharmacy"
    detail = _("Pharmacie inconnue.")


class EpgIdTaken(Conflict):
    code = "epg_id_taken"
    detail = _("Une autre pharmacie a déjà cet identifiant EPG.")


class StockHeld(Conflict):
    code = "stock_held"
    detail = _(
        "Des réservations retiennent des boîtes de ce stock. Attendez leur fin, refusez-les, "
        "ou mettez la quantité à zéro."
    )


class TooManyAlerts(Conflict):
    code = "too_many_alerts"
    detail = _("Vous avez déjà beaucoup d'alertes : supprimez-en une.")
