from django.db import models
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped


class DailyFigure(Timestamped):
    """How many rows of a source (`backoffice.figures.sources`) a day of local time has, counted once it is over.

    `key` is what the source groups by, its columns joined by `|`; the row with the empty key is the day's total and
    says that the day is counted. Nothing is lost with this table: `manage.py count_figures` makes it anew.
    """

    day = models.DateField(_("jour"))
    source = models.CharField(_("source"), max_length=16)
    key = models.CharField(_("groupe"), max_length=64, blank=True)
    count = models.PositiveBigIntegerField(_("nombre"))
    amount = models.BigIntegerField(_("somme"))

    class Meta:
        verbose_name = _("chiffre d'un jour")
        verbose_name_plural = _("chiffres par jour")
        constraints = [models.UniqueConstraint(fields=["source", "day", "key"], name="daily_figure_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.key} {self.day}"
