from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketplacesConfig(AppConfig):
    name = "marketplaces"
    verbose_name = _("Places de marché")

    def ready(self) -> None:
        from marketplaces import checks, receivers  # noqa: F401  (registers them)
