import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import SessionEnd
from common.models import Timestamped


class TokenFamily(Timestamped):
    """A sign-in on one device: all access and refresh tokens that descend from it.

    `counter` numbers the pair that is good now and `refreshed_at` is when that pair was made: with the two, the pair
    can be derived again. A family that is revoked is refused at the next request.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="sessions",
        verbose_name=_("utilisateur"),
        db_index=False,
    )
    public_id = models.UUIDField(_("identifiant public"), default=uuid.uuid4, unique=True, editable=False)
    counter = models.PositiveIntegerField(_("compteur"), default=1)
    device = models.CharField(_("appareil"), max_length=200, blank=True)
    device_digest = models.BinaryField(_("empreinte de l'appareil"), max_length=32)
    ip = models.GenericIPAddressField(_("adresse IP"), null=True)
    refreshed_at = models.DateTimeField(_("renouvelée le"))
    expires_at = models.DateTimeField(_("expire le"))
    revoked_at = models.DateTimeField(_("terminée le"), null=True)
    revoked_for = models.CharField(_("motif de fin"), max_length=24, choices=SessionEnd, blank=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints = [
            models.CheckConstraint(condition=Q(counter__gt=0), name="family_counter_positive"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_for="")
                | Q(revoked_at__isnull=False, revoked_for__in=SessionEnd.values),
                name="family_revoked_with_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="family_user_newest"),
            models.Index(fields=["expires_at"], name="family_expires"),
        ]

    def __str__(self) -> str:
        return self.device or str(self.public_id)
