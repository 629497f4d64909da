from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped


class SecondFactor(Timestamped):
    """The authenticator application of one person. Secrets are encrypted (`common.crypto`), never shown again.

    `pending_secret` waits for the first code that proves it arrived; until then `secret`, if there is one, stays good.
    `last_step` is the time step of the last code that was accepted: no code of that step or before is good any more.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor", verbose_name=_("utilisateur")
    )
    secret = models.BinaryField(_("secret chiffré"), null=True)
    pending_secret = models.BinaryField(_("secret chiffré à confirmer"), null=True)
    pending_since = models.DateTimeField(_("à confirmer depuis"), null=True)
    enabled_at = models.DateTimeField(_("activé le"), null=True)
    last_step = models.BigIntegerField(_("dernière période acceptée"), default=0)

    class Meta:
        verbose_name = _("second facteur")
        verbose_name_plural = _("seconds facteurs")
        constraints = [
            models.CheckConstraint(
                condition=Q(secret__isnull=True, enabled_at__isnull=True)
                | Q(secret__isnull=False, enabled_at__isnull=False),
                name="factor_enabled_with_secret",
            ),
            models.CheckConstraint(
                condition=Q(pending_secret__isnull=True, pending_since__isnull=True)
                | Q(pending_secret__isnull=False, pending_since__isnull=False),
                name="factor_pending_since",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class RecoveryCode(Timestamped):
    """One of the codes for the day the phone is lost: hashed, and good once."""

    factor = models.ForeignKey(
        SecondFactor,
        on_delete=models.CASCADE,
        related_name="recovery_codes",
        verbose_name=_("second facteur"),
        db_index=False,
    )
    digest = models.BinaryField(_("empreinte"), max_length=32)
    used_at = models.DateTimeField(_("utilisé le"), null=True)

    class Meta:
        verbose_name = _("code de secours")
        verbose_name_plural = _("codes de secours")
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return str(self.pk)
