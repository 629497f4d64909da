"""Products in MongoDB, many at once: django-mongodb-backend's own bulk writes know no upsert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import Int64
from django.conf import settings
from django.db import IntegrityError, connections
from django.utils import timezone
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection

from catalog.models import Product
from catalog.mongodb.compiler import translated_errors
from catalog.mongodb.validator import is_valid
from catalog.progress import Progress
from catalog.router import ALIAS
from catalog.rows import Counts
from catalog.services.price_history import differs
from catalog.services.rules import Rule

_BATCH = 1_000
# More codes than these are found faster by reading the whole collection once.
_LOOKED_UP = 500

Document = dict[str, Any]


@dataclass(slots=True)
class Plan:
    """What is to be written. `now` are the products as they will be, whether they are touched or not; `repriced` are
    those whose price becomes another one, as they are."""

    counts: Counts = field(default_factory=Counts)
    now: list[Document] = field(default_factory=list)
    operations: list[InsertOne[Document] | UpdateOne] = field(default_factory=list)
    repriced: list[tuple[str, Document]] = field(default_factory=list)


def plan_upsert(rows: Sequence[Document], *, rules: Mapping[str, Rule], progress: Progress) -> Plan:
    """Compare products by code with what is stored; what does not differ will not be touched.

    Raises IntegrityError, before anything is written, where the collection would refuse a product.
    """
    plan = Plan()
    created = updated = 0
    with translated_errors():
        stored = _stored(_collection(), [row["code"] for row in rows])
    for row in progress(rows, len(rows), "products"):
        old = stored.get(row["code"])
        new = row if old is None else _merged(old, row, rules)
        plan.now.append(new)
        if old == new:
            continue
        if not is_valid(new):
            raise IntegrityError(f"the catalogue refuses the product {new['code']!r}")
        if old is None:
            created += 1
            plan.operations.append(InsertOne(_new_document(new)))
        else:
            updated += 1
            if differs(old, new):
                plan.repriced.append((new["code"], old))
            plan.operations.append(_update(old, new))
    plan.counts = Counts(created, updated, len(rows) - created - updated)
    return plan


def write(plan: Plan, *, progress: Progress) -> None:
    """Killed half way, what was written stays written: a second run does the rest."""
    with translated_errors():
        collection = _collection()
        starts = range(0, len(plan.operations), _BATCH)
        for start in progress(starts, len(starts), "batches"):
            collection.bulk_write(plan.operations[start : start + _BATCH], ordered=False)


def _collection() -> Collection[Document]:
    collection: Collection[Document] = connections[ALIAS].get_collection(Product._meta.db_table)  # type: ignore[attr-defined]
    return collection


def _stored(collection: Collection[Document], codes: Sequence[str]) -> dict[str, Document]:
    condition = {"code": {"$in": list(codes)}} if len(codes) <= _LOOKED_UP else {}
    ours = {"created_at", "updated_at"}
    names = [each.name for each in Product._meta.concrete_fields if each.name not in ours]
    wanted = set(codes)
    return {
        document["code"]: {name: document.get(name) for name in names}
        for document in collection.find(condition)
        if document["code"] in wanted
    }


def _merged(old: Document, new: Document, rules: Mapping[str, Rule]) -> Document:
    return {
        name: rule.value(old, new) if (rule := rules.get(name)) is not None and rule.value else value
        for name, value in new.items()
    }


def _new_document(row: Document) -> Document:
    now = _now()
    return {name: _bson(value) for name, value in row.items()} | {"created_at": now, "updated_at": now}


def _update(old: Document, new: Document) -> UpdateOne:
    changes = {name: _bson(value) for name, value in new.items() if old[name] != value}
    return UpdateOne({"code": new["code"]}, {"$set": {**changes, "updated_at": _now()}})


def _bson(value: Any) -> Any:
    """As the backend stores it: whole numbers in 64 bits, an enum's member as its text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return Int64(value)
    return str(value)


def _now() -> Any:
    now = timezone.now()
    return timezone.make_naive(now, connections[ALIAS].timezone) if settings.USE_TZ else now
