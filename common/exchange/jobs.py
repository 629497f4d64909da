"""A file that staff bring in: received, looked at line by line, shown, confirmed, applied.

The row is the truth: each step writes some lines and how many are done, together where the resource can, and what a
killed process leaves the sweep goes on with. Doing a step twice changes nothing: what does not differ is not touched.
"""

import logging
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from common.enums import FILE_IMPORT_MOVES, FileImportState
from common.errors import DomainError, Forbidden, Invalid
from common.exchange import files, resources
from common.exchange.reports import Line, Refused, Report
from common.exchange.resources import ServiceResource
from common.models import FileImport
from common.signals import file_import_moved
from common.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

STEP = 500
# Bytes.
READ_AT_ONCE = 512 * 1024
LEASE = timedelta(minutes=2)
# Of the report so many sentences are kept; all are counted.
SHOWN, REFUSALS_SHOWN = 100, 1_000
KEPT_FOR = timedelta(days=30)
UNCONFIRMED_FOR = timedelta(days=7)

_RUNNING = (FileImportState.CHECKING, FileImportState.APPLYING)


def largest() -> int:
    """Bytes."""
    return int(settings.IMPORT_MAX_BYTES)


def may_import(resource: ServiceResource, user: Any) -> bool:
    """Whether this person may bring in files of this kind at all."""
    return bool(user.has_perm(resource.change_permission))


def may_change(job: FileImport, user: Any) -> bool:
    """Whether this person may bring in files of the job's kind; nobody may where it is none of ours any more."""
    resource = resources.find(job.resource)
    return resource is not None and may_import(resource, user)


def receive(name: str, *, file_name: str, raw: bytes, by: Any) -> FileImport:
    """Take a file and look at it: at once where it is small, else a worker does.

    Raises `Forbidden` (403), and `Invalid` (400) where it cannot be read: then nothing of it is kept.
    """
    resource = resources.get(name)
    if not may_import(resource, by):
        raise Forbidden
    files.require_harmless(raw)
    # A large one is read by the worker, who says what is wrong with it on the job's page.
    lines = _read(resource, raw) if len(raw) <= READ_AT_ONCE else None
    job = FileImport(
        resource=name, file_name=file_name[:200], total=None if lines is None else len(lines), requested_by=by
    )
    # Under a name of ours: what the browser says of it is only shown.
    job.file.save("import", ContentFile(raw), save=False)
    with unit_of_work():
        job.save(force_insert=True)
        file_import_moved.send(FileImport, job=job, by=by)
    return _go_on(job)


def confirm(job: FileImport, *, by: Any) -> FileImport:
    """`ready → applying`, by whoever brought the file. Raises `Forbidden` (403), `IllegalMove` (409)."""
    if job.requested_by_id != by.pk or not may_change(job, by):
        raise Forbidden
    with unit_of_work():
        locked = FileImport.objects.select_for_update(no_key=True).get(pk=job.pk)
        FILE_IMPORT_MOVES.check(locked.state, FileImportState.APPLYING)
        locked.state, locked.lease_until, locked.done = FileImportState.APPLYING, None, 0
        locked.created = locked.updated = locked.unchanged = locked.refused = 0
        locked.changes, locked.refusals = [], []
        locked.save()
        file_import_moved.send(FileImport, job=locked, by=by)
    return _go_on(locked)


def abandon(job: FileImport, *, by: Any) -> FileImport:
    """`checking | ready → abandoned`: nothing of it was written. Raises as `confirm` does."""
    if not may_change(job, by):
        raise Forbidden
    with unit_of_work():
        locked = FileImport.objects.select_for_update(no_key=True).get(pk=job.pk)
        FILE_IMPORT_MOVES.check(locked.state, FileImportState.ABANDONED)
        _end(locked, FileImportState.ABANDONED, by=by)
    return locked


def run(pk: int) -> None:
    """Work at it until it is looked at, or applied; nothing happens while somebody else does.

    Whatever goes wrong ends it with a sentence, but for the database's own trouble, which is raised: it passes.
    """
    if not _claim(pk):
        return
    job = FileImport.objects.select_related("requested_by").get(pk=pk)
    with translation.override(job.requested_by.language):
        try:
            resource = _resource_of(job)
            # Rights may have been taken meanwhile.
            if not may_import(resource, job.requested_by):
                raise Forbidden
            with job.file.open("rb") as file:
                lines = _read(resource, file.read())
            while _step(job, resource, lines):
                pass
        except OSError:
            _fail(job, _("Le fichier n'est plus là."))
        except DomainError as error:
            _fail(job, " ".join(str(item.detail) for item in error.errors[:3]) or str(error.detail))
        except (ArithmeticError, ValueError, DataError, IntegrityError):
            # The same file would say the same again, at every sweep.
            logger.exception("an import cannot be applied", extra={"file_import": pk})
            _fail(job, _("Ce fichier ne peut pas être importé : une valeur n'est pas acceptée."))
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("an import cannot be applied", extra={"file_import": pk})
            _fail(job, _("Une erreur imprévue a arrêté cet import ; elle est notée au journal du serveur."))


def run_due() -> int:
    """Go on with what nobody works at any more, the longest waiting first; how many. One keeps no other waiting."""
    due = FileImport.objects.filter(
        _is_free(), state__in=_RUNNING, updated_at__lt=timezone.now() - timedelta(seconds=30)
    )
    keys = list(due.order_by("updated_at", "pk").values_list("pk", flat=True)[:20])
    for pk in keys:
        try:
            run(pk)
        except Exception:
            # Tried again when its lease has run out.
            logger.exception("an import was interrupted", extra={"file_import": pk})
    return len(keys)


def forget_old_files() -> int:
    """Give up what nobody has confirmed in a week, and remove files a month after; their reports stay. How many."""
    now = timezone.now()
    unconfirmed = FileImport.objects.filter(state=FileImportState.READY, updated_at__lt=now - UNCONFIRMED_FOR)
    for pk in unconfirmed.values_list("pk", flat=True):
        with unit_of_work():
            job = FileImport.objects.select_for_update(no_key=True).get(pk=pk)
            if job.state == FileImportState.READY:
                _end(job, FileImportState.ABANDONED, by=None)
    old = list(FileImport.objects.filter(finished_at__lt=now - KEPT_FOR).exclude(file="")[:100])
    for job in old:
        job.file.delete(save=False)
        FileImport.objects.filter(pk=job.pk).update(file="", updated_at=now)
    return len(old)


def _resource_of(job: FileImport) -> ServiceResource:
    """Raises `Invalid` for a kind of file that an older version knew."""
    resource = resources.find(job.resource)
    if resource is None:
        raise Invalid(_("Ce genre de fichier ne s'importe plus : exportez-en un nouveau et reprenez."), code="unknown")
    return resource


def _read(resource: ServiceResource, raw: bytes) -> list[Line]:
    lines = files.read(raw, required=resource.required, known=resource.columns)
    if not lines:
        raise Invalid(_("Le fichier n'a aucune ligne."), code="file_empty")
    return lines


def _go_on(job: FileImport) -> FileImport:
    """Now, where it is small enough for somebody to wait for it."""
    from common.tasks import run_file_import

    if job.total is None or job.total > settings.IMPORT_BACKGROUND_ROWS:
        run_file_import.enqueue(job.pk)
    else:
        run(job.pk)
    return FileImport.objects.get(pk=job.pk)


def _is_free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=timezone.now())


def _claim(pk: int) -> bool:
    free = FileImport.objects.filter(_is_free(), pk=pk, state__in=_RUNNING)
    now = timezone.now()
    return bool(free.update(lease_until=now + LEASE, updated_at=now))


def _step(job: FileImport, resource: ServiceResource, lines: list[Line]) -> bool:
    """Some lines further; whether there are more. Where somebody else has been faster, nothing is done."""
    start, by = job.done, job.requested_by
    piece = lines[start : start + STEP]
    is_dry = job.state == FileImportState.CHECKING
    may_add = not resource.add_permission or by.has_perm(resource.add_permission)
    try:
        with unit_of_work() if resource.is_atomic else nullcontext():
            report = _without_repeats(resource, lines, start, piece)
            kept = {each.line for each in report.refused}
            found = resource.import_lines(
                [line for line in piece if line[0] not in kept],
                dry_run=is_dry,
                may_add=may_add,
                source=job.file_name,
                by=by,
            )
            found.refused = sorted([*report.refused, *found.refused], key=lambda each: each.line)
            with unit_of_work():
                locked = FileImport.objects.select_for_update(no_key=True).get(pk=job.pk)
                if (locked.state, locked.done) != (job.state, start):
                    raise _Overtaken
                locked.total = len(lines)
                _count(locked, found, len(piece))
                if locked.done >= len(lines):
                    _end(locked, FileImportState.READY if is_dry else FileImportState.DONE, by=by)
                else:
                    locked.lease_until = timezone.now() + LEASE
                    locked.save()
    except _Overtaken:
        return False
    job.done, job.state = locked.done, locked.state
    return job.state in _RUNNING


class _Overtaken(Exception):
    """Another process has done these lines; what this one did of them is taken back."""


def _without_repeats(resource: ServiceResource, lines: list[Line], start: int, piece: list[Line]) -> Report:
    """Lines whose key stands further up in the file, wherever the steps were cut."""
    report = Report()
    if not resource.key_columns:
        return report
    first: dict[tuple[str, ...], int] = {}
    for number, cells in lines[: start + len(piece)]:
        key = tuple(cells.get(name, "").casefold() for name in resource.key_columns)
        earlier = first.setdefault(key, number)
        if earlier != number and number >= piece[0][0]:
            report.refuse(number, _("Cette ligne répète la ligne %(line)d.") % {"line": earlier})
    return report


def _count(job: FileImport, report: Report, lines: int) -> None:
    job.done += lines
    job.created += report.created
    job.updated += len(report.changes) - report.created
    job.unchanged += report.unchanged
    job.refused += len(report.refused)
    job.changes = [*job.changes, *report.changes][:SHOWN]
    job.refusals = [*job.refusals, *(_shown(each) for each in report.refused)][:REFUSALS_SHOWN]


def _shown(refused: Refused) -> list[Any]:
    return [refused.line, str(refused.reason)]


def _end(job: FileImport, state: FileImportState, *, by: Any, error: str = "") -> None:
    FILE_IMPORT_MOVES.check(job.state, state)
    job.state, job.lease_until, job.error = state, None, error[:300]
    job.finished_at = timezone.now() if FILE_IMPORT_MOVES.is_final(state) else None
    job.save()
    file_import_moved.send(FileImport, job=job, by=by)


def _fail(job: FileImport, error: str) -> None:
    with unit_of_work():
        locked = FileImport.objects.select_for_update(no_key=True).get(pk=job.pk)
        if locked.state in _RUNNING:
            _end(locked, FileImportState.FAILED, by=locked.requested_by, error=error)


def percent(job: FileImport) -> int:
    """How far the present pass is, in whole percent."""
    return 100 * job.done // job.total if job.total else 0
