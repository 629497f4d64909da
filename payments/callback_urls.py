"""Where gateways call back."""

from django.conf import settings


def callback_url(provider: str) -> str:
    """The address that a gateway is given; its last part is a secret."""
    return f"{settings.PUBLIC_URL}/api/v1/payments/callbacks/{provider}/{settings.PAYMENTS_CALLBACK_TOKEN}"
