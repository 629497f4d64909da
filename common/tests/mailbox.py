"""What has been mailed, once a worker has looked."""

import re

from django.core import mail

from common.mail.delivery import deliver_due


def mails(to: str = "") -> list[mail.EmailMultiAlternatives]:
    """Everything sent so far, what is due included; to one address, or to all."""
    deliver_due()
    return [message for message in mail.outbox if not to or message.to == [to]]


def latest_code(to: str) -> str:
    """The six digits of the latest mail to an address."""
    [code] = set(re.findall(r"\b[0-9]{6}\b", mails(to)[-1].body))
    return code


def latest_token(to: str) -> str:
    """The token of the link in the latest mail to an address."""
    [token] = re.findall(r"token=([A-Za-z0-9_-]+)", mails(to)[-1].body)
    return token
