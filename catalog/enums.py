from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ProductKind(TextChoices):
    MEDICINE = "medicine", _("Médicament")
    PARAPHARMACY = "parapharmacy", _("Parapharmacie")
