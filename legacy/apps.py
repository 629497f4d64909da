from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LegacyConfig(AppConfig):
    name = "legacy"
    verbose_name = _("Anciens sites")

    def ready(self) -> None:
        from legacy import checks  # noqa: F401  (registers them)
