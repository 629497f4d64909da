from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from common.http import NotReached, UnknownOutcome
from payments.callback_urls import callback_url
from payments.providers.singpay import client


class Command(BaseCommand):
    help = "Tells SingPay where to call back: the address belongs to the wallet, not to a payment."

    def handle(self, *args: Any, **options: Any) -> None:
        if "singpay" not in settings.PAYMENT_PROVIDERS:
            raise CommandError("singpay is not in PAYMENT_GATEWAYS.")
        try:
            answer = client.put_callback_url(callback_url("singpay"))
        except (NotReached, UnknownOutcome) as error:
            raise CommandError(f"SingPay cannot be told: {error}. Nothing is lost by trying again.") from error
        status = answer.body.get("status")
        if answer.status >= 300 or (isinstance(status, dict) and status.get("success") is False):
            raise CommandError(f"SingPay refuses (HTTP {answer.status}): check its keys and SINGPAY_WALLET.")
        # The address ends in a secret: it is not printed.
        self.stdout.write(f"SingPay calls back {settings.PUBLIC_URL}/api/v1/payments/callbacks/singpay/…")
