"""What the entries of the ledger say about reservations."""

from django.utils.translation import gettext_lazy as _

RESERVED = _("Réservation à %(pharmacy)s")
NOT_HONOURED = _("Réservation %(code)s non honorée")
