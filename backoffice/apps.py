from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    name = "backoffice"
    verbose_name = _("Back-office")

    def ready(self) -> None:
        from backoffice import health, receivers  # noqa: F401  (registers the queue's check; its receivers)
        from backoffice.figures.daily import count_due
        from backoffice.roles import sync_groups
        from common.sweeping import register

        register("days_to_count", count_due)
        post_migrate.connect(sync_groups, sender=self, dispatch_uid="backoffice.sync_groups")
