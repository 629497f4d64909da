from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = _("Journal d'audit")

    def ready(self) -> None:
        from accounts.erasure import Holding, nothing_open
        from accounts.erasure import register as register_holding
        from audit import erasure, receivers, reference_data  # noqa: F401  (registers the receivers)
        from audit.seals.anchoring import anchor_due
        from audit.seals.sealing import seal_due
        from common.sweeping import register

        register("events_to_seal", seal_due)
        register("seals_to_anchor", anchor_due)
        register_holding("audit", Holding(nothing_open, erasure.erase))
