"""How long ago something was, in words."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _


def age(since: datetime | None) -> str:
    """In the two largest units; below a minute no number; a dash for never."""
    if since is None:
        return "–"
    if timezone.now() - since < timedelta(minutes=1):
        return _("moins d'une minute")
    return timesince(since)
