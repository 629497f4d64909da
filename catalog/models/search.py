from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from catalog.enums import ProductKind
from common.models import Timestamped


class SearchEntry(Timestamped):
    """What search and a reservation's line need to know of a product, in the relational database.

    `text` is label, substance and codes in words without accents and case (`catalog.text`). The full-text index over
    it is made by migration 0002: a stored tsvector on PostgreSQL, an FTS5 table that follows by triggers on SQLite.
    The key is a number because FTS5 finds rows by it, also after VACUUM.
    """

    code = models.CharField(_("code"), max_length=13, unique=True)
    text = models.TextField(_("texte"))
    label = models.TextField(_("libellé"))
    substance = models.TextField(_("substance"), blank=True)
    form = models.TextField(_("forme"), blank=True, default="", db_default="")
    category = models.CharField(_("catégorie"), max_length=120, null=True)
    kind = models.CharField(_("nature"), max_length=16, choices=ProductKind)
    prescription_required = models.BooleanField(_("sur ordonnance"), null=True)
    is_active = models.BooleanField(_("commercialisé"))

    class Meta:
        verbose_name = _("entrée de recherche")
        verbose_name_plural = _("entrées de recherche")
        indexes = [
            models.Index(Upper("substance"), name="searchentry_substance"),
            models.Index(fields=["id"], condition=Q(is_active=False), name="searchentry_inactive"),
            models.Index(fields=["kind", "id"], condition=~Q(kind=ProductKind.MEDICINE), name="searchentry_rare_kind"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="searchentry_code_given"),
            models.CheckConstraint(condition=Q(kind__in=ProductKind.values), name="searchentry_kind_known"),
        ]

    def __str__(self) -> str:
        return self.label


class CatalogVersion(Timestamped):
    """One row; its number grows whenever the words of search entries change. Processes keep what they derived by it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(_("numéro"), default=0)

    class Meta:
        verbose_name = _("version du catalogue")
        verbose_name_plural = _("versions du catalogue")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="catalogversion_single_row")]

    def __str__(self) -> str:
        return str(self.number)
