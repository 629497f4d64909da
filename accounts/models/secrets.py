from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import SecretPurpose
from common.models import Timestamped


class OneTimeSecret(Timestamped):
    """A code or a link that was mailed, as its keyed hash. At most one is live per person and purpose."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("utilisateur"),
        db_index=False,
    )
    purpose = models.CharField(_("usage"), max_length=16, choices=SecretPurpose)
    digest = models.BinaryField(_("empreinte"), max_length=32)
    attempts_left = models.PositiveSmallIntegerField(_("essais restants"))
    expires_at = models.DateTimeField(_("expire le"))
    ended_at = models.DateTimeField(_("terminé le"), null=True, help_text=_("utilisé ou remplacé"))
    is_contested = models.BooleanField(_("contesté"), default=False)

    class Meta:
        verbose_name = _("secret à usage unique")
        verbose_name_plural = _("secrets à usage unique")
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=SecretPurpose.values), name="secret_purpose_known"),
            models.CheckConstraint(condition=Q(attempts_left__gte=0), name="secret_attempts_not_negative"),
            models.UniqueConstraint(
                fields=["user", "purpose"], condition=Q(ended_at__isnull=True), name="secret_one_live"
            ),
        ]
        indexes = [
            models.Index(fields=["digest"], condition=Q(ended_at__isnull=True), name="secret_live_digest"),
            models.Index(fields=["expires_at"], name="secret_expires"),
            models.Index(fields=["user"], name="secret_user"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.user_id}"
