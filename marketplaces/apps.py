from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketplacesConfig(AppConfig):
    name = "marketplaces"
    verbose_name = _("Places de marché")

    def ready(self) -> None:
        from accounts import erasure
        from marketplaces import checks, receivers  # noqa: F401  (registers them)
        from marketplaces.erasure import HOLDING

        erasure.register("merchants", HOLDING)
