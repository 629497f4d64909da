from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.enums import Action
from common.models import Timestamped


class Event(Timestamped):
    """Something that happened. Append-only by trigger; without foreign keys, because it outlives what it names.

    `commitment` is the salted SHA-256 of the event's personal values, which live in `EventPersonal` and can be
    erased without making this row unprovable; `mac` is an HMAC of the row with a key outside of the database.
    """

    occurred_at = models.DateTimeField(_("date"))
    # Without `choices`: a new kind of event is no change of the table.
    action = models.CharField(_("action"), max_length=40)
    entity = models.CharField(_("objet"), max_length=40)
    entity_id = models.CharField(_("identifiant"), max_length=64, blank=True)
    actor_id = models.CharField(_("acteur"), max_length=64, blank=True)
    actor_kind = models.CharField(_("type d'acteur"), max_length=16)
    request_id = models.CharField(_("requête"), max_length=64, blank=True)
    amount = models.BigIntegerField(_("montant"), null=True)
    changes = models.JSONField(_("détails"), default=dict, encoder=DjangoJSONEncoder)
    commitment = models.CharField(_("engagement"), max_length=64, unique=True)
    mac = models.CharField(_("sceau"), max_length=64)

    class Meta:
        verbose_name = _("événement")
        verbose_name_plural = _("événements")
        indexes = [
            models.Index(fields=["action", "-id"], name="event_action_newest"),
            models.Index(fields=["entity_id", "entity", "-id"], name="event_subject_newest"),
            models.Index(fields=["entity", "-id"], name="event_entity_kind_newest"),
            models.Index(fields=["actor_id", "-id"], name="event_actor_newest"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="event_request"),
            models.Index(fields=["actor_kind", "-id"], condition=~Q(actor_kind="user"), name="event_actor_kind_newest"),
            # And one on `occurred_at` by migration: BRIN on PostgreSQL, a few pages for a million rows.
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.entity}:{self.entity_id}"

    def get_action_display(self) -> str:
        """The action in the reader's language; the code itself where no enum knows it (any more)."""
        return str(Action(self.action).label) if self.action in Action.values else self.action


class EventPersonal(Timestamped):
    """The personal values of an event. Erasing a person deletes such rows; the event and its proof remain."""

    event = models.OneToOneField(
        Event,
        on_delete=models.DO_NOTHING,
        to_field="commitment",
        db_column="commitment",
        db_constraint=False,
        primary_key=True,
        related_name="personal",
        verbose_name=_("événement"),
    )
    salt = models.CharField(_("sel"), max_length=32)
    ip = models.CharField(_("adresse IP"), max_length=45, blank=True)
    values = models.JSONField(_("valeurs"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("donnée personnelle d'événement")
        verbose_name_plural = _("données personnelles d'événements")

    def __str__(self) -> str:
        return str(self.event_id)


class Seal(Timestamped):
    """What a batch of events was at one moment: the root of their Merkle tree, chained to the seal before and signed.

    `leaves` are the batch's leaf hashes (32 bytes each, by ascending id), so that a changed event is found by itself;
    `gaps` the missing numbers that may still be committed. Append-only by trigger.
    """

    number = models.PositiveIntegerField(_("numéro"), unique=True)
    sealed_at = models.DateTimeField(_("scellé le"))
    count = models.PositiveIntegerField(_("événements"))
    ids = models.TextField(_("numéros des événements"))
    seen_to = models.BigIntegerField(_("vu jusqu'au numéro"))
    gaps = models.JSONField(_("numéros en attente"), default=list)
    leaves = models.BinaryField(_("feuilles"))
    root = models.CharField(_("racine"), max_length=64)
    previous = models.CharField(_("scellé précédent"), max_length=64, unique=True)
    hash = models.CharField(_("empreinte"), max_length=64, unique=True)
    key = models.CharField(_("clé publique"), max_length=64)
    signature = models.CharField(_("signature"), max_length=128)

    class Meta:
        verbose_name = _("scellé")
        verbose_name_plural = _("scellés")

    def __str__(self) -> str:
        return str(self.number)


class Anchor(Timestamped):
    """A seal whose hash was sent elsewhere: there, a tail that was cut off here is still known."""

    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="anchors", verbose_name=_("scellé"))
    target = models.CharField(_("destination"), max_length=200)

    class Meta:
        verbose_name = _("ancrage")
        verbose_name_plural = _("ancrages")
        constraints = [models.UniqueConstraint(fields=["seal", "target"], name="anchor_once")]

    def __str__(self) -> str:
        return f"{self.seal_id} → {self.target}"


class Archive(Timestamped):
    """Sealed events that were moved to a file: the seals `first_seal` to `last_seal`, and the file's SHA-256.

    Signed as seals are: a row that anybody could write would hide that events were removed.
    """

    file_name = models.CharField(_("fichier"), max_length=255)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    first_seal = models.PositiveIntegerField(_("premier scellé"), unique=True)
    last_seal = models.PositiveIntegerField(_("dernier scellé"), unique=True)
    count = models.PositiveIntegerField(_("événements"))
    # Empty in rows from before they were signed: their event vouches for those (`seals/archive_rows.py`).
    key = models.CharField(_("clé publique"), max_length=64, default="", db_default="")
    signature = models.CharField(_("signature"), max_length=128, default="", db_default="")

    class Meta:
        verbose_name = _("archive")
        verbose_name_plural = _("archives")
        constraints = [
            models.CheckConstraint(condition=models.Q(last_seal__gte=models.F("first_seal")), name="archive_in_order")
        ]

    def __str__(self) -> str:
        return self.file_name
