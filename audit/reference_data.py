"""Reference data edited in the back office is audited as plain CRUD, with its old and new values."""

from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_init, post_save

from accounts.models import PriceList, Rate
from audit.enums import Action
from audit.services import record
from catalog.models import Pharmacy, PharmacyMember, Product

AUDITED: tuple[type[Model], ...] = (Rate, PriceList, Product, Pharmacy, PharmacyMember)

_IGNORED = {"created_at", "updated_at"}


def _values(instance: Model) -> dict[str, Any]:
    loaded = instance.get_deferred_fields()
    return {
        field.attname: getattr(instance, field.attname)
        for field in instance._meta.concrete_fields
        if field.attname not in loaded and field.attname not in _IGNORED
    }


def remember(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Keep the values a row was loaded with, to tell later what an edit changed."""
    instance._audit_old = _values(instance)  # type: ignore[attr-defined]


def saved(sender: type[Model], instance: Model, created: bool, **kwargs: Any) -> None:
    new = _values(instance)
    if created:
        record(Action.REFERENCE_CREATED, entity=_entity(sender), entity_id=instance.pk, changes={"new": new})
    else:
        old = getattr(instance, "_audit_old", {})
        changed = [name for name, value in new.items() if name in old and old[name] != value]
        if changed:
            record(
                Action.REFERENCE_UPDATED,
                entity=_entity(sender),
                entity_id=instance.pk,
                changes={"old": {n: old[n] for n in changed}, "new": {n: new[n] for n in changed}},
            )
    instance._audit_old = new  # type: ignore[attr-defined]


def deleted(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    record(Action.REFERENCE_DELETED, entity=_entity(sender), entity_id=instance.pk, changes={"old": _values(instance)})


def _entity(model: type[Model]) -> str:
    return str(model._meta.model_name)


for _model in AUDITED:
    post_init.connect(remember, sender=_model, dispatch_uid=f"audit.remember.{_model.__name__}")
    post_save.connect(saved, sender=_model, dispatch_uid=f"audit.saved.{_model.__name__}")
    post_delete.connect(deleted, sender=_model, dispatch_uid=f"audit.deleted.{_model.__name__}")
