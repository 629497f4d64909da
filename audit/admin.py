from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.models import User
from audit.enums import Action
from audit.models import Anchor, Archive, Event, EventPersonal, Seal
from audit.reference_data import AUDITED
from common.admin import ReadOnlyAdmin, ReadOnlyInline, json_block, link, moment, period_filter
from common.admin.base import ChangeList
from common.admin.filters import fixed_filter
from common.admin.search import as_uuid

_ENTITIES = (
    ("user", _("utilisateur")),
    ("account", _("compte")),
    ("rate", _("forfait")),
    ("pricelist", _("tarif d'une action")),
    ("product", _("produit")),
    ("pharmacy", _("pharmacie")),
    ("pharmacymember", _("membre d'une pharmacie")),
    ("stock", _("stock")),
    ("reservation", _("réservation")),
    ("payment", _("paiement")),
    ("callback", _("notification de paiement")),
    ("refund", _("remboursement")),
    ("approval", _("approbation")),
    ("session", _("session")),
    ("plannedprice", _("prix à venir")),
    ("openinghours", _("horaires d'une pharmacie")),
    ("dutyperiod", _("garde")),
    ("holiday", _("jour férié")),
    ("appointment", _("rendez-vous")),
    ("practitioner", _("praticien")),
    ("specialty", _("spécialité")),
    ("visittype", _("type de visite")),
    ("workinghours", _("horaires d'un praticien")),
    ("timeoff", _("absence d'un praticien")),
    ("waitlist", _("liste d'attente")),
    ("calendar", _("calendrier partagé")),
    ("archive", _("archive du journal")),
    ("import", _("reprise d'un autre système")),
    ("fileimport", _("import d'un fichier")),
    ("merchant", _("marchand")),
    ("item", _("article")),
    ("listing", _("annonce")),
    ("channel", _("canal")),
    ("order", _("commande d'un canal")),
    ("job", _("travail d'un canal")),
    ("plugin_device", _("appareil d'un canal")),
)
# What the log names otherwise, and then reference data by its own name.
_ENTITY_LABELS = {str(model._meta.model_name): model._meta.verbose_name for model in AUDITED} | dict(_ENTITIES)
# Where to look at an object: by its key, or found by its public number.
_PAGES = {
    "user": "accounts.user",
    "account": "accounts.account",
    "rate": "accounts.rate",
    "pricelist": "accounts.pricelist",
    "product": "catalog.product",
    "pharmacy": "catalog.pharmacy",
    "stock": "catalog.stock",
    "callback": "payments.callbackmessage",
}
_LISTS = {
    "reservation": "reservations_reservation",
    "payment": "payments_payment",
    "refund": "payments_refund",
}
_ACTOR_KINDS = (
    ("user", _("utilisateur")),
    ("anonymous", _("anonyme")),
    ("gateway", _("prestataire de paiement")),
    ("task", _("tâche")),
    ("command", _("commande")),
    ("system", _("système")),
)
_ACTOR_LABELS = dict(_ACTOR_KINDS)
_ACTION_LABELS = dict(Action.choices)


class EventChangeList(ChangeList):
    """Tells the e-mail addresses of a page's actors, in one query: events hold no foreign keys."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        ids = {event.actor_id for event in self.result_list if event.actor_kind == "user"}
        names = {str(pk): email for pk, email in User.objects.filter(pk__in=ids).values_list("pk", "email")}
        for event in self.result_list:
            event.actor_name = names.get(event.actor_id, event.actor_id)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    person_path = "entity_id"
    lists_people = False
    list_display = (
        moment("occurred_at", _("date")),
        "action_shown",
        "entity_shown",
        "entity_id",
        "actor_shown",
        "amount",
    )
    list_filter = (
        fixed_filter("action", _("action"), Action.choices),
        fixed_filter("entity", _("objet"), list(_ENTITY_LABELS.items())),
        fixed_filter("actor_kind", _("type d'acteur"), _ACTOR_KINDS),
        period_filter("occurred_at"),
    )
    search_fields = ("entity_id",)
    search_help_text = _("Identifiant d'un objet, ou e-mail d'un acteur")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventChangeList

    def get_fieldsets(self, request: Any, obj: Event | None = None) -> Any:
        sheets: list[tuple[Any, dict[str, Any]]] = [
            (
                None,
                {"fields": ("occurred_at", "action_shown", "entity_shown", "entity_link", "amount", "changes_shown")},
            ),
            (_("Acteur"), {"fields": ("actor_shown", "request_link")}),
            (_("Preuve"), {"fields": ("commitment", "mac")}),
        ]
        if request.user.has_perm("audit.view_eventpersonal"):
            sheets.insert(2, (_("Données personnelles"), {"fields": ("personal_ip", "personal_values")}))
        return sheets

    @display(description=_("action"))
    def action_shown(self, event: Event) -> Any:
        return _ACTION_LABELS.get(event.action, event.action)

    @display(description=_("objet"))
    def entity_shown(self, event: Event) -> Any:
        return _ENTITY_LABELS.get(event.entity, event.entity)

    @display(description=_("identifiant"))
    def entity_link(self, event: Event) -> str:
        if event.entity in _LISTS and event.entity_id:
            url = f"{reverse(f'admin:{_LISTS[event.entity]}_changelist')}?{urlencode({'q': event.entity_id})}"
            return format_html('<a href="{}" class="text-link">{}</a>', url, event.entity_id)
        if event.entity in _PAGES and event.entity_id:
            return link(_PAGES[event.entity], event.entity_id, event.entity_id)
        return event.entity_id or "–"

    @display(description=_("acteur"))
    def actor_shown(self, event: Event) -> str:
        name = getattr(event, "actor_name", event.actor_id)
        kind = _ACTOR_LABELS.get(event.actor_kind, event.actor_kind)
        return f"{kind} {name}".strip()

    @display(description=_("détails"))
    def changes_shown(self, event: Event) -> str:
        return json_block(event.changes)

    @display(description=_("requête"))
    def request_link(self, event: Event) -> str:
        """All that the same request did; the dates keep the look-up within an index."""
        if not event.request_id:
            return "–"
        around = {
            "request_id": event.request_id,
            "occurred_at__gte": (event.occurred_at - timedelta(hours=1)).isoformat(),
            "occurred_at__lte": (event.occurred_at + timedelta(hours=1)).isoformat(),
        }
        url = f"{reverse('admin:audit_event_changelist')}?{urlencode(around)}"
        return format_html('<a href="{}" class="text-link">{}</a>', url, event.request_id)

    @display(description=_("adresse IP"))
    def personal_ip(self, event: Event) -> str:
        personal = _personal(event)
        return personal.ip or "–" if personal else str(_("effacée"))

    @display(description=_("valeurs"))
    def personal_values(self, event: Event) -> Any:
        personal = _personal(event)
        if personal is None:
            return _("effacées")
        return json_block(personal.values)

    def person_of(self, obj: Event) -> int | None:
        return _person(obj)

    def search_condition(self, term: str) -> Q:
        if "@" in term:
            found = User.objects.filter(email__startswith=term.lower()).values_list("pk", flat=True)[:100]
            return Q(actor_id__in=[str(pk) for pk in found])
        number = as_uuid(term)
        # Every kind of object by name: the index begins with it.
        return Q(entity__in=list(_ENTITY_LABELS), entity_id=str(number or term))


def _person(event: Event) -> int | None:
    """Whom an event is about, where it says so itself."""
    return int(event.entity_id) if event.entity == "user" and event.entity_id.isdecimal() else None


def _personal(event: Event) -> EventPersonal | None:
    return EventPersonal.objects.filter(event_id=event.commitment).first()


@admin.register(EventPersonal)
class EventPersonalAdmin(ReadOnlyAdmin):
    """What can be erased of an event with the person it is about."""

    person_path = "event.entity_id"
    list_display = (moment("created_at", _("créé le")), "event_shown", "ip")
    list_select_related = ("event",)
    # By the event's key: what is erasable has no order of its own that an index knows.
    ordering = ("-event__id",)
    search_fields = ("event__entity_id",)
    search_help_text = _("Identifiant d'un objet")
    fields = ("event_link", "ip", "values_shown", "created_at")

    @display(description=_("événement"))
    def event_shown(self, personal: EventPersonal) -> str:
        return f"{_ACTION_LABELS.get(personal.event.action, personal.event.action)} – {personal.event.entity_id}"

    @display(description=_("événement"))
    def event_link(self, personal: EventPersonal) -> str:
        return link("audit.event", personal.event.pk, self.event_shown(personal))

    @display(description=_("valeurs"))
    def values_shown(self, personal: EventPersonal) -> str:
        return json_block(personal.values)

    def person_of(self, obj: EventPersonal) -> int | None:
        return _person(obj.event)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(event__entity__in=list(_ENTITY_LABELS), event__entity_id=str(number or term))


class AnchorInline(ReadOnlyInline):
    model = Anchor
    fields = ("target", "created_at")
    readonly_fields = ("created_at",)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """What proves the events: made by `seal_audit` and the sweep, checked by `verify_audit`."""

    list_display = ("number", moment("sealed_at", _("scellé le")), "count", "root")
    ordering = ("-number",)
    list_filter = (period_filter("sealed_at"),)
    fields = ("number", "sealed_at", "count", "ids", "root", "previous", "hash", "key", "signature")
    inlines = (AnchorInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seal]:
        # 32 bytes an event: nothing for a page.
        return super().get_queryset(request).defer("leaves")


@admin.register(Archive)
class ArchiveAdmin(ReadOnlyAdmin):
    """The files that old events were moved to."""

    list_display = ("file_name", "first_seal", "last_seal", "count", moment("created_at", _("créé le")))
    ordering = ("-first_seal",)
    fields = ("file_name", "sha256", "first_seal", "last_seal", "count", "created_at", "key", "signature")
