from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from common.enums import FileImportState, ImportState, MailState


def private_storage() -> Any:
    """Where files lie that nobody fetches by an address."""
    return storages["private"]


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


class Mail(Timestamped):
    """A mail on its way, or one that was. `context`, what its template is given, is encrypted, and empty when done.

    `next_at` says when it is due; while somebody sends it, when their lease ends.
    """

    to = models.EmailField(_("destinataire"), max_length=254)
    template = models.CharField(_("modèle"), max_length=64)
    language = models.CharField(_("langue"), max_length=2)
    context = models.BinaryField(_("contenu chiffré"))
    state = models.CharField(_("état"), max_length=16, choices=MailState, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("tentatives"), default=0)
    next_at = models.DateTimeField(_("prochaine tentative"), null=True)
    expires_at = models.DateTimeField(_("inutile après"), null=True)
    error = models.CharField(_("erreur"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            models.CheckConstraint(
                condition=Q(state=MailState.WAITING, next_at__isnull=False)
                | (~Q(state=MailState.WAITING) & Q(next_at__isnull=True, context=b"")),
                name="mail_due_while_waiting",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state=MailState.WAITING), name="mail_due"),
            models.Index(fields=["to", "template", "-created_at"], name="mail_latest"),
            models.Index(fields=["created_at"], name="mail_created"),
            models.Index(
                fields=["state", "-id"],
                condition=Q(state__in=[MailState.DROPPED, MailState.FAILED]),
                name="mail_unsent_newest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} → {self.to}"


class RateCounter(Timestamped):
    """How often something was tried in the current window; `common.limits` counts.

    Times are whole seconds since 1970, so that one statement can compute with them on either engine. The subject is a
    keyed digest: nobody reads addresses out of this table.
    """

    scope = models.CharField(_("portée"), max_length=32)
    subject = models.BinaryField(_("empreinte du sujet"), max_length=32)
    used = models.PositiveIntegerField(_("tentatives"))
    strikes = models.PositiveSmallIntegerField(_("fenêtres épuisées de suite"), default=0)
    ends_at = models.BigIntegerField(_("fin de la fenêtre"), help_text=_("en secondes depuis 1970"))
    forget_at = models.BigIntegerField(_("oublié à partir de"), help_text=_("en secondes depuis 1970"))

    class Meta:
        verbose_name = _("compteur de tentatives")
        verbose_name_plural = _("compteurs de tentatives")
        constraints = [models.UniqueConstraint(fields=["scope", "subject"], name="rate_counter_subject")]
        indexes = [models.Index(fields=["forget_at"], name="rate_counter_forget")]

    def __str__(self) -> str:
        return self.scope


class ImportBatch(Timestamped):
    """Rows of another system that were brought over together, and can be taken back together.

    `source` names that system; `progress` is how far a batch has come that a killed process may leave behind, then
    what it brought.
    """

    source = models.CharField(_("source"), max_length=32)
    state = models.CharField(_("état"), max_length=16, choices=ImportState, default=ImportState.RUNNING)
    progress = models.JSONField(_("avancement"), default=dict)
    finished_at = models.DateTimeField(_("terminée le"), null=True)
    undone_at = models.DateTimeField(_("annulée le"), null=True)

    class Meta:
        verbose_name = _("reprise de données")
        verbose_name_plural = _("reprises de données")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_batch_state_known"),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state=ImportState.RUNNING), name="import_batch_one_running"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.pk}"


class ImportedRow(Timestamped):
    """Which row of ours a row of another system became, so that it is brought over once.

    Remembered after its batch was undone: a later import gives life to the same row again, to which events point.
    """

    batch = models.ForeignKey(
        ImportBatch, on_delete=models.PROTECT, related_name="rows", verbose_name=_("reprise"), db_index=False
    )
    source = models.CharField(_("source"), max_length=32)
    table = models.CharField(_("table d'origine"), max_length=32)
    old_id = models.CharField(_("identifiant d'origine"), max_length=64)
    new_id = models.CharField(_("identifiant"), max_length=64)
    is_withdrawn = models.BooleanField(_("retirée"), default=False, db_default=False)

    class Meta:
        verbose_name = _("ligne reprise")
        verbose_name_plural = _("lignes reprises")
        constraints = [models.UniqueConstraint(fields=["source", "table", "old_id"], name="imported_row_once")]
        indexes = [models.Index(fields=["batch", "table"], name="imported_row_batch")]

    def __str__(self) -> str:
        return f"{self.source} {self.table} {self.old_id} → {self.new_id}"


class FileImport(Timestamped):
    """A file that staff bring in (`common.exchange`), how far it has come, and what came of its lines.

    Counted twice from the beginning: while it is looked at, and again while it is applied. `lease_until` says until
    when somebody works at it; a task is only a wake-up call.
    """

    resource = models.CharField(_("contenu"), max_length=32)
    file_name = models.CharField(_("nom du fichier"), max_length=200)
    file = models.FileField(
        _("fichier"), upload_to="imports/%Y/%m", storage=private_storage, max_length=200, blank=True
    )
    state = models.CharField(_("état"), max_length=16, choices=FileImportState, default=FileImportState.CHECKING)
    total = models.PositiveIntegerField(_("lignes"), null=True)
    done = models.PositiveIntegerField(_("lignes traitées"), default=0)
    created = models.PositiveIntegerField(_("ajouts"), default=0)
    updated = models.PositiveIntegerField(_("modifications"), default=0)
    unchanged = models.PositiveIntegerField(_("inchangées"), default=0)
    refused = models.PositiveIntegerField(_("refusées"), default=0)
    # The first of each: sentences, and pairs of a line's number and a sentence.
    changes = models.JSONField(_("changements"), default=list)
    refusals = models.JSONField(_("refus"), default=list)
    error = models.CharField(_("erreur"), max_length=300, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("demandé par")
    )
    lease_until = models.DateTimeField(_("réservé jusqu'à"), null=True)
    finished_at = models.DateTimeField(_("terminé le"), null=True)

    class Meta:
        verbose_name = _("import de fichier")
        verbose_name_plural = _("imports de fichiers")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=FileImportState.values), name="file_import_state_known"),
            models.CheckConstraint(
                condition=Q(total__isnull=True, done=0) | Q(done__lte=models.F("total")),
                name="file_import_done_of_total",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=[FileImportState.CHECKING, FileImportState.APPLYING]),
                name="file_import_due",
            ),
            models.Index(fields=["requested_by"], name="file_import_requested_by"),
        ]

    def __str__(self) -> str:
        return self.file_name
