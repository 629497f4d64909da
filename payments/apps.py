from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = _("Argent")

    def ready(self) -> None:
        from accounts import approvals
        from accounts.erasure import Holding
        from accounts.erasure import register as register_holding
        from accounts.services.verification import register_check
        from common.sweeping import register
        from payments import erasure, purposes
        from payments.rates import RatePurpose
        from payments.services import asking, callbacks, refunds, reviewing
        from payments.services.verification import check_payments

        purposes.register("rate", RatePurpose())
        for name, kind in {**refunds.KINDS, **reviewing.KINDS}.items():
            approvals.register(name, kind)
        register_check("payments", check_payments)
        register("payments_to_submit", asking.submit_forgotten)
        register("payments_in_doubt", asking.doubt_interrupted)
        register("payment_callbacks", callbacks.process_waiting)
        register("payments_to_ask", asking.ask_due)
        register("payments_to_expire", asking.expire_old)
        needed_for = _("Un paiement ou un remboursement n'a pas encore d'issue : réglez-le d'abord.")
        register_holding("payments", Holding(erasure.is_open, erasure.erase, needed_for))
