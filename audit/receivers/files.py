"""Files that staff bring in: what became of each."""

from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from common.models import FileImport
from common.signals import file_import_moved


@receiver(file_import_moved, dispatch_uid="audit.file_import_moved")
def file_moved(job: FileImport, by: Any, **kwargs: Any) -> None:
    counts = {name: getattr(job, name) for name in ("total", "done", "created", "updated", "unchanged", "refused")}
    record(
        Action(f"file_import.{job.state}"),
        entity="fileimport",
        entity_id=job.pk,
        changes={"resource": job.resource, "by": None if by is None else by.pk, **counts},
    )
