"""What the entries of the ledger say about appointments."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _

BOOKED = _("Rendez-vous chez %(doctor)s")
GIVEN_UP = _("Rendez-vous annulé")
FEE = _("Honoraires de %(doctor)s")
FEE_BACK = _("Honoraires rendus")


def fee_reference(public_id: UUID) -> str:
    """By which a fee paid in credits, and what is given back of it, are known in the ledger."""
    return f"appointment:{public_id}:fee"
