from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Personnes")

    def ready(self) -> None:
        from accounts import approvals, mails
        from accounts.exchange import PriceListResource
        from accounts.services import one_time
        from accounts.services.corrections import KINDS
        from accounts.services.price_lists import apply_due_credits
        from accounts.services.second_factor import reencrypt_all
        from accounts.services.sessions import forget_expired
        from common.crypto import register_kept
        from common.exchange.resources import register as register_resource
        from common.mail import register_composer
        from common.sweeping import register

        for name, kind in KINDS.items():
            approvals.register(name, kind)

        register_resource(PriceListResource)
        register_kept("second factors", reencrypt_all)
        register("expired_sessions", forget_expired)
        register("credits_to_apply", apply_due_credits)
        register("one_time_secrets", one_time.forget_expired)
        register_composer(mails.CODE_MAIL, mails.compose_code)
        register_composer(mails.RESET_MAIL, mails.compose_reset)
        register_composer(mails.INVITATION_MAIL, mails.compose_invitation)
