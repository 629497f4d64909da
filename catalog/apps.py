from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from accounts.erasure import Holding, nothing_open
        from accounts.erasure import register as register_holding
        from accounts.statement import register_labels
        from catalog import epg, erasure
        from catalog.epg.health import check_epg
        from catalog.exchange import RESOURCES
        from catalog.selectors import check_health
        from catalog.services.alerts import fire_alerts
        from catalog.services.baskets import LABEL
        from catalog.services.changes import settle_abandoned
        from catalog.services.prices import apply_due_prices
        from common import health, sweeping
        from common.exchange.resources import register as register_resource

        for resource in RESOURCES:
            register_resource(resource)
        register_labels(LABEL)
        health.register("catalog", check_health)
        health.register("epg", check_epg, only_if=epg.is_on)
        sweeping.register("product_changes_to_settle", settle_abandoned)
        sweeping.register("prices_to_apply", apply_due_prices)
        sweeping.register("alerts_to_fire", fire_alerts)
        register_holding("catalog", Holding(nothing_open, erasure.erase))
