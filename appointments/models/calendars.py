from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from appointments.enums import FeedKind
from common.models import Timestamped


class CalendarFeed(Timestamped):
    """A secret address at which a calendar programme reads somebody's appointments, until it is revoked."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="calendar_feeds",
        verbose_name=_("utilisateur"),
        db_index=False,
    )
    kind = models.CharField(_("nature"), max_length=8, choices=FeedKind)
    # SHA-256 of the token: whoever reads the table cannot read the calendars.
    token_hash = models.CharField(_("empreinte"), max_length=64, unique=True, editable=False)
    with_names = models.BooleanField(_("avec le nom des patients"), default=False)
    revoked_at = models.DateTimeField(_("révoqué le"), null=True, blank=True)

    class Meta:
        verbose_name = _("calendrier partagé")
        verbose_name_plural = _("calendriers partagés")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FeedKind.values), name="feed_kind_known"),
            models.CheckConstraint(
                condition=Q(with_names=False) | Q(kind=FeedKind.DOCTOR), name="feed_names_for_doctors"
            ),
            models.UniqueConstraint(fields=["user", "kind"], condition=Q(revoked_at=None), name="feed_one_live"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.user_id}"
