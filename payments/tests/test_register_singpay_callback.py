"""`manage.py register_singpay_callback`."""

import pytest
from django.core.management import CommandError, call_command

from payments.tests.answering import answering_server
from payments.tests.gateway import callback_path


def test_wallet_is_told_where_to_call_back(singpay_gateway, settings, capsys):
    call_command("register_singpay_callback")

    # The simulators keep the address as it was given.
    assert singpay_gateway.service.callback_url == f"{settings.PUBLIC_URL}{callback_path('singpay')}".rstrip("/")
    assert settings.PAYMENTS_CALLBACK_TOKEN not in capsys.readouterr().out


@pytest.mark.parametrize("status, body", [(401, {}), (404, {}), (200, {"status": {"success": False}})])
def test_refusal_is_said(status, body, settings):
    with answering_server() as told:
        settings.SINGPAY_URL = told.url
        told(status, body)
        with pytest.raises(CommandError, match="check its keys"):
            call_command("register_singpay_callback")


def test_silence_is_said(settings):
    settings.SINGPAY_URL = "http://127.0.0.1:1"

    with pytest.raises(CommandError, match="trying again"):
        call_command("register_singpay_callback")


def test_gateway_that_is_not_offered_is_not_told(settings):
    settings.PAYMENT_PROVIDERS = {"counter": "payments.providers.counter.provider.Counter"}

    with pytest.raises(CommandError, match="PAYMENT_GATEWAYS"):
        call_command("register_singpay_callback")
