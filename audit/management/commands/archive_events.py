from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from audit.seals.archive_files import ArchiveUnreadable
from audit.seals.archiving import NothingToArchive, NotProvable, archive_events, finish_archiving


class Command(BaseCommand):
    help = "Moves the sealed events before a date to signed files that verify_audit reads. Needs DATABASE_OWNER_URL."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--before", required=True, type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", required=True, type=Path, metavar="FOLDER", help="where the files are written")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["to"].is_dir():
            raise CommandError(f"{options['to']} is no folder: create it first")
        before = timezone.make_aware(datetime.combine(options["before"], time.min))
        if before >= timezone.now():
            raise CommandError("--before must lie in the past")
        count = 0
        try:
            if finished := finish_archiving():
                self.stdout.write(f"{finished} events of an interrupted run taken out")
            while True:
                archive = archive_events(before=before, folder=options["to"])
                count += archive.count
                self.stdout.write(f"{archive.file_name}: {archive.count} events, sha256 {archive.sha256}")
        except NothingToArchive:
            self.stdout.write(f"audit: {count} events archived")
        except NotProvable as error:
            raise CommandError(
                "an event is not what was sealed, or an archive not ours: nothing more was archived; run verify_audit"
            ) from error
        except FileExistsError as error:
            raise CommandError(f"{error.filename} is there already: move it away, it has no archive row") from error
        except ArchiveUnreadable as error:
            raise CommandError(f"{error}: nothing more was archived") from error
        except DatabaseError as error:
            raise CommandError(f"the database refused ({error}): only its owner may archive") from error
