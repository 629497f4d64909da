"""`make bench`: the full public catalogue on PostgreSQL with fsync on, two gunicorn workers, everything switched on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import django
from django.core.management import call_command


def main(names: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.bench import (
        admin,
        appointments,
        audit,
        availability,
        catalogue,
        channel_jobs,
        identity,
        legacy,
        marketplaces,
        money,
        reservations,
        search,
    )
    from tests.bench.report import Report

    chosen = {
        "search": search.run,
        "reservations": reservations.run,
        "identity": identity.run,
        "money": money.run,
        "legacy": legacy.run,
        "availability": availability.run,
        "appointments": appointments.run,
        # Both in a database of their own, with a seeded year.
        "admin": admin.run,
        "audit": audit.run,
        "marketplaces": marketplaces.run,
        "channel_jobs": channel_jobs.run,
        # The last: it leaves five times as many products behind.
        "catalogue": catalogue.run,
    }
    unknown = set(names) - chosen.keys()
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(chosen)}", file=sys.stderr)
        return 2
    _migrate()
    report = Report()
    for name in names or chosen:
        chosen[name](report, _public_catalogue())
    report.print()
    return 0


def _migrate() -> None:
    """As the owner where there is one: the application's role cannot."""
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)


def _public_catalogue() -> bool:
    """Load the public medicines database once; False, and loudly, where it is not at hand."""
    from catalog.models import SearchEntry

    folder = Path(os.environ.get("SHARED_DATA", "../shared/data")) / "bdpm"
    if not folder.is_dir():
        print(f"SKIPPED: {folder} is not here; set SHARED_DATA to measure on the public catalogue", file=sys.stderr)
        return False
    if not SearchEntry.objects.exists():
        started = time.perf_counter()
        call_command("import_bdpm", str(folder))
        print(f"imported in {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
