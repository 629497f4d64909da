"""Reference data edited in the back office is audited as plain CRUD, with its old and new values."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Field, Model
from django.db.models.signals import post_delete, post_save, pre_save

from accounts.models import PriceList, Rate
from appointments.models import Practitioner, Specialty, TimeOff, VisitType, WorkingHours
from audit.enums import Action
from audit.services import record
from catalog.models import DutyPeriod, Holiday, OpeningHours, Pharmacy, PharmacyMember, PlannedPrice, Product
from marketplaces.models import ATTRIBUTES, ChannelId, Plan, SubscriptionQuota

AUDITED: tuple[type[Model], ...] = (
    Rate,
    PriceList,
    Product,
    PlannedPrice,
    Pharmacy,
    PharmacyMember,
    OpeningHours,
    DutyPeriod,
    Holiday,
    Specialty,
    Practitioner,
    VisitType,
    WorkingHours,
    TimeOff,
    Plan,
    SubscriptionQuota,
    *ATTRIBUTES.values(),
    *ChannelId.__subclasses__(),
)

_IGNORED = {"created_at", "updated_at"}
# Events are kept for ever: of these they tell that they changed, not what was written. Why a doctor is away (an
# illness, a bereavement) is nobody's business in ten years.
_UNTOLD = {(TimeOff, "reason")}
# Of these, too, but the values stand beside the event, where they are erased with the person.
_PERSONAL = {(Practitioner, name) for name in ("bio", "place", "latitude", "longitude")}


def remember(
    sender: type[Model], instance: Model, using: str, update_fields: Iterable[str] | None = None, **kwargs: Any
) -> None:
    """Before a save: what the database has now, whatever the instance was loaded with."""
    names = [field.attname for field in _written(instance, update_fields)]
    stored = None
    if names and instance.pk is not None and not instance._state.adding:
        stored = sender._base_manager.using(using).filter(pk=instance.pk).values(*names).first()
    instance._audit_old = stored or {}  # type: ignore[attr-defined]


def saved(
    sender: type[Model], instance: Model, created: bool, update_fields: Iterable[str] | None = None, **kwargs: Any
) -> None:
    new = _values(instance, update_fields)
    if created:
        record(
            Action.REFERENCE_CREATED,
            entity=_entity(sender),
            entity_id=instance.pk,
            changes={"new": _told(sender, new, new)},
            personal=_personal(sender, new=new),
        )
        return
    old = instance._audit_old  # type: ignore[attr-defined]
    changed = [name for name, value in new.items() if name in old and old[name] != value]
    if changed:
        record(
            Action.REFERENCE_UPDATED,
            entity=_entity(sender),
            entity_id=instance.pk,
            changes={"old": _told(sender, old, changed), "new": _told(sender, new, changed)},
            personal=_personal(
                sender, old={name: old[name] for name in changed}, new={name: new[name] for name in changed}
            ),
        )


def deleted(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    old = _values(instance)
    record(
        Action.REFERENCE_DELETED,
        entity=_entity(sender),
        entity_id=instance.pk,
        changes={"old": _told(sender, old, old)},
        personal=_personal(sender, old=old),
    )


def _told(model: type[Model], values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    hidden = _UNTOLD | _PERSONAL
    return {name: "…" if (model, name) in hidden and values[name] else values[name] for name in names}


def _personal(model: type[Model], **sides: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `_told` leaves out of the event, by side (`old`, `new`)."""
    found = {
        side: {name: value for name, value in values.items() if value and (model, name) in _PERSONAL}
        for side, values in sides.items()
    }
    return {side: values for side, values in found.items() if values}


def _values(instance: Model, update_fields: Iterable[str] | None = None) -> dict[str, Any]:
    return {
        field.attname: field.to_python(getattr(instance, field.attname)) for field in _written(instance, update_fields)
    }


def _written(instance: Model, update_fields: Iterable[str] | None) -> list[Field[Any, Any]]:
    """The fields that a save writes: what was not loaded and what is not named stays as it is."""
    deferred = instance.get_deferred_fields()
    named = None if update_fields is None else set(update_fields)
    return [
        field
        for field in instance._meta.concrete_fields
        if field.attname not in deferred | _IGNORED and (named is None or {field.name, field.attname} & named)
    ]


def _entity(model: type[Model]) -> str:
    return str(model._meta.model_name)


for _model in AUDITED:
    pre_save.connect(remember, sender=_model, dispatch_uid=f"audit.remember.{_model.__name__}")
    post_save.connect(saved, sender=_model, dispatch_uid=f"audit.saved.{_model.__name__}")
    post_delete.connect(deleted, sender=_model, dispatch_uid=f"audit.deleted.{_model.__name__}")
