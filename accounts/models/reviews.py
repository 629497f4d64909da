from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import ReviewReason, ReviewStatus
from common.models import Timestamped


class AccountReview(Timestamped):
    """Something about an account that a person has to look at. `found` and what is `explained` are in credits."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="reviews", verbose_name=_("compte"), db_index=False
    )
    reason = models.CharField(_("motif"), max_length=16, choices=ReviewReason)
    found = models.BigIntegerField(_("crédits trouvés"))
    explained = models.BigIntegerField(_("crédits expliqués"))
    status = models.CharField(_("état"), max_length=16, choices=ReviewStatus, default=ReviewStatus.OPEN)
    note = models.CharField(_("conclusion"), max_length=200, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("examiné par"),
        db_index=False,
    )
    settled_at = models.DateTimeField(_("examiné le"), null=True, blank=True)

    class Meta:
        verbose_name = _("compte à examiner")
        verbose_name_plural = _("comptes à examiner")
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=ReviewReason.values), name="review_reason_known"),
            models.CheckConstraint(
                # Nobody settles what a command closes.
                condition=Q(status=ReviewStatus.OPEN, settled_at__isnull=True, settled_by__isnull=True)
                | Q(status=ReviewStatus.SETTLED, settled_at__isnull=False),
                name="review_settled_at",
            ),
            models.UniqueConstraint(
                fields=["account", "reason"], condition=Q(status=ReviewStatus.OPEN), name="review_one_open"
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="review_status_newest")]

    def __str__(self) -> str:
        return f"{self.reason} {self.account_id}"
