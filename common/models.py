from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Timestamped(models.Model):
    """`created_at` and `updated_at`, on every table of ours.

    The database has a default for both, so that statements written by hand need not name them.
    """

    created_at = models.DateTimeField(_("créé le"), auto_now_add=True, db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("modifié le"), auto_now=True, db_default=Now(), editable=False)

    class Meta:
        abstract = True


class IdempotencyKey(Timestamped):
    """One unsafe request of one user, and what it was answered.

    `lease_until` is set while the request calls another service: until then a repeat is told to wait, afterwards
    the answer stored with the intent is final. `answer` is encrypted: it may tell what somebody takes.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("utilisateur")
    )
    key = models.CharField(_("clé"), max_length=255)
    fingerprint = models.BinaryField(_("empreinte"), max_length=32)
    status = models.PositiveSmallIntegerField(_("statut HTTP"))
    answer = models.BinaryField(_("réponse chiffrée"))
    lease_until = models.DateTimeField(_("réservée jusqu'à"), null=True)

    class Meta:
        verbose_name = _("clé d'idempotence")
        verbose_name_plural = _("clés d'idempotence")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_user_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.key
