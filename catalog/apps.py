from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from accounts.erasure import Holding, nothing_open
        from accounts.erasure import register as register_holding
        from catalog import epg, erasure
        from catalog.epg.health import check_epg
        from catalog.selectors import check_health
        from catalog.services.changes import settle_abandoned
        from common import health, sweeping

        health.register("catalog", check_health)
        health.register("epg", check_epg, only_if=epg.is_on)
        sweeping.register("product_changes_to_settle", settle_abandoned)
        register_holding("catalog", Holding(nothing_open, erasure.erase))
