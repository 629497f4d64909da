from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketplacesConfig(AppConfig):
    name = "marketplaces"
    verbose_name = _("Places de marché")

    def ready(self) -> None:
        from accounts import erasure
        from common import sweeping
        from marketplaces import checks, receivers  # noqa: F401  (registers them)
        from marketplaces.erasure import HOLDING
        from marketplaces.services import publishing, quotas
        from marketplaces.services.jobs import gatekeeping, requests
        from marketplaces.services.jobs import sweeping as due

        erasure.register("merchants", HOLDING)
        sweeping.register("channel orders", due.poll_orders)
        sweeping.register("channel jobs", due.call_workers)
        sweeping.register("stopped channel jobs", due.expire_stopped)
        sweeping.register("listings that may not be sold", gatekeeping.go_round)
        publishing.carry_out_by(requests.carry_out)
        quotas.count_jobs_by(requests.jobs_today)
