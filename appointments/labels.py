"""What the entries of the ledger say about appointments."""

from django.utils.translation import gettext_lazy as _

BOOKED = _("Rendez-vous chez %(doctor)s")
GIVEN_UP = _("Rendez-vous annulé")
FEE = _("Honoraires de %(doctor)s")
FEE_BACK = _("Honoraires rendus")
