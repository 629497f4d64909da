from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Comptes")

    def ready(self) -> None:
        from accounts import approvals
        from accounts.services.corrections import KINDS
        from accounts.services.sessions import forget_expired
        from common.sweeping import register

        for name, kind in KINDS.items():
            approvals.register(name, kind)

        register("expired_sessions", forget_expired)
