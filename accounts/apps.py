from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Comptes")

    def ready(self) -> None:
        from accounts import approvals
        from accounts.services.corrections import KINDS

        for name, kind in KINDS.items():
            approvals.register(name, kind)
