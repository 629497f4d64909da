"""Whose pages staff have looked at: from the admin's signals to events."""

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from common.admin import reading


@receiver(reading.page_read, dispatch_uid="audit.page_read")
def page_read(person_id: int | None, page: str, object_id: str, **kwargs: Any) -> None:
    """About the person, so that one look-up says who has read what of theirs."""
    if person_id is None:
        record(Action.PAGE_READ, entity=page, entity_id=object_id)
    else:
        record(Action.PAGE_READ, entity="user", entity_id=person_id, changes={"page": page, "id": object_id})


@receiver(reading.list_read, dispatch_uid="audit.list_read")
def list_read(page: str, filters: Mapping[str, Any], personal: Mapping[str, Any], **kwargs: Any) -> None:
    record(Action.LIST_READ, entity=page, changes={"filters": filters} if filters else {}, personal=personal)
