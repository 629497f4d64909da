"""Jobs of the sales channels: what a claim costs, how workers add up, a thousand items published."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection, connections
from django.test import override_settings
from django.utils import timezone

from accounts.tests.factories import make_user
from marketplaces.channels.tests.books import PICTURE, SETTINGS, Marketplace
from marketplaces.enums import Channel, JobState
from marketplaces.models import ChannelQueue, Item, ItemImage, Job, JobTurn, Listing, Merchant
from marketplaces.services import publishing
from marketplaces.services.jobs import queue
from marketplaces.tenancy import close_staff_connection, merchant_scope
from marketplaces.tests.factories import make_connection, make_image, make_item, make_merchant
from simulators.faults import FaultKind
from simulators.server import SimulatorServer
from tests.bench.report import Report, percentile

CLAIMS = 50
WAITING = (100, 100_000)
CALL_SECONDS = 0.1
JOBS = 24
ITEMS = 1_000


def run(report: Report, has_catalogue: bool) -> None:
    report.section("Jobs of the sales channels")
    _claims(report)
    with tempfile.TemporaryDirectory() as folder, SimulatorServer(port=0) as server, _pointed_at(server, folder):
        _workers(report, server, folder)
        _thousand(report, server, folder)


def _claims(report: Report) -> None:
    """In turns, so that whatever else the machine does meets both alike."""
    piles = {waiting: make_merchant() for waiting in WAITING}
    for waiting, merchant in piles.items():
        _pile_up(merchant, waiting)
        _turn(merchant, None)
    taken: dict[int, list[float]] = {waiting: [] for waiting in WAITING}
    for _ in range(CLAIMS):
        for waiting, merchant in piles.items():
            _turn(merchant, timezone.now())
            began = time.perf_counter()
            assert queue.claim() is not None
            taken[waiting].append(time.perf_counter() - began)
            _turn(merchant, None)
    for waiting, seconds in taken.items():
        report.add(
            f"a claim while {waiting:,} wait",
            f"{percentile(seconds, 0.5) * 1000:.2f} ms (p95 {percentile(seconds, 0.95) * 1000:.2f} ms)",
        )
    few, many = (percentile(seconds, 0.5) for seconds in taken.values())
    report.add("… of the few", f"{many / few:.2f}", goal="≤ 1.3", reached=many / few <= 1.3)
    for merchant in piles.values():
        _put_away(merchant)


def _turn(merchant: Merchant, at: datetime | None) -> None:
    with merchant_scope(merchant.pk):
        JobTurn.objects.update(turn_at=at)


def _pile_up(merchant: Merchant, count: int) -> None:
    """So many publications of one merchant, by one statement a table."""
    item = make_item(merchant)
    with merchant_scope(merchant.pk):
        publishing.request_publication([item], [Channel.EBAY], by=None)
        _copies(Item, "public_id = gen_random_uuid(), sku = 'B' || n || 'X' || merchant_id", merchant.pk, count - 1)
        with connection.cursor() as cursor:
            cursor.execute(
                _copying(Listing, {"public_id": "gen_random_uuid()", "item_id": "i.id"})
                + " FROM marketplaces_listing t, marketplaces_item i WHERE t.merchant_id = %s AND i.merchant_id = %s "
                "AND i.id <> t.item_id",
                [merchant.pk, merchant.pk],
            )
            cursor.execute(
                _copying(Job, {"public_id": "gen_random_uuid()", "listing_id": "l.id"})
                + " FROM marketplaces_job t, marketplaces_listing l WHERE t.merchant_id = %s AND l.merchant_id = %s "
                "AND l.id <> t.listing_id",
                [merchant.pk, merchant.pk],
            )


def _copies(model: Any, changes: str, merchant_id: int, count: int) -> None:
    replaced = dict(part.split(" = ", 1) for part in changes.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            _copying(model, replaced) + f" FROM {model._meta.db_table} t, generate_series(1, %s) n "
            "WHERE t.merchant_id = %s",
            [count, merchant_id],
        )


def _copying(model: Any, replaced: dict[str, str]) -> str:
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    values = ", ".join(
        replaced[name].replace("merchant_id", "t.merchant_id") if name in replaced else f't."{name}"'
        for name in columns
    )
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values}"


def _put_away(merchant: Merchant) -> None:
    _turn(merchant, None)
    with merchant_scope(merchant.pk):
        ChannelQueue.objects.update(stopped_at=timezone.now(), stop_reason="credentials")


def _workers(report: Report, server: SimulatorServer, folder: str) -> None:
    rates = {}
    for count in (1, 2, 4):
        merchants = [_seller(server, str(5000 + 10 * count + number)) for number in range(4)]
        many = [item for merchant in merchants for item in _items(merchant, JOBS // 4)]
        server.services["ebay"].faults.add(FaultKind.LATENCY, seconds=CALL_SECONDS)
        try:
            with _running(server, folder, workers=count, threads=1):
                seconds = _publish_all(merchants)
        finally:
            server.services["ebay"].faults.clear()
        rates[count] = len(many) / seconds
        report.add(
            f"publications with {count} workers, each call answered in {CALL_SECONDS * 1000:.0f} ms",
            f"{rates[count]:.1f}/s",
        )
    report.add("… two of one", f"{rates[2] / rates[1]:.2f}", goal="≥ 1.7", reached=rates[2] / rates[1] >= 1.7)
    report.add("… four of one", f"{rates[4] / rates[1]:.2f}")


def _thousand(report: Report, server: SimulatorServer, folder: str) -> None:
    merchant = _seller(server, "6000")
    _items(merchant, ITEMS)
    with _running(server, folder, workers=2, threads=4):
        began = time.perf_counter()
        with merchant_scope(merchant.pk):
            publishing.request_publication(list(Item.objects.all()), [Channel.EBAY], by=None)
        asked = time.perf_counter() - began
        seconds = _wait([merchant]) + asked
    report.add(f"{ITEMS:,} items asked for, in one transaction", f"{asked:.1f} s")
    report.add("… live, with 2 workers of 4 threads", f"{seconds:.0f} s ({ITEMS / seconds:.0f}/s)")


def _seller(server: SimulatorServer, account: str) -> Merchant:
    merchant = make_merchant(owner=make_user())
    pair = Marketplace(server, "ebay").tokens(account)
    make_connection(
        merchant, "ebay", access=pair["access_token"], refresh=pair["refresh_token"], settings=SETTINGS["ebay"]
    )
    return merchant


def _items(merchant: Merchant, count: int) -> list[Item]:
    first = make_item(merchant)
    image = make_image(first, content_type="image/png")
    with merchant_scope(merchant.pk):
        image.file.save("bench.png", ContentFile(PICTURE))
        _copies(Item, "public_id = gen_random_uuid(), sku = 'B' || n || 'X' || merchant_id", merchant.pk, count - 1)
        items = list(Item.objects.all())
        ItemImage.objects.bulk_create(
            ItemImage(
                merchant=merchant,
                item=item,
                file=image.file.name,
                content_type="image/png",
                size=8,
                width=800,
                height=600,
                position=0,
            )
            for item in items
            if item.pk != first.pk
        )
    return items


def _publish_all(merchants: list[Merchant]) -> float:
    began = time.perf_counter()
    for merchant in merchants:
        with merchant_scope(merchant.pk):
            publishing.request_publication(list(Item.objects.all()), [Channel.EBAY], by=None)
    return time.perf_counter() - began + _wait(merchants)


def _wait(merchants: list[Merchant]) -> float:
    began = time.perf_counter()
    while any(_left(merchant) for merchant in merchants):
        time.sleep(0.02)
    for merchant in merchants:
        with merchant_scope(merchant.pk):
            assert not Job.objects.exclude(state=JobState.COMPLETED).exists()
    return time.perf_counter() - began


def _left(merchant: Merchant) -> bool:
    with merchant_scope(merchant.pk):
        return Job.objects.filter(state__in=(JobState.PENDING, JobState.RUNNING)).exists()


@contextlib.contextmanager
def _pointed_at(server: SimulatorServer, folder: str) -> Iterator[None]:
    with override_settings(EBAY_URL=f"{server.url}/ebay", MEDIA_ROOT=folder):
        yield


@contextlib.contextmanager
def _running(server: SimulatorServer, folder: str, *, workers: int, threads: int) -> Iterator[None]:
    """So many processes of `marketplace_worker`, ready."""
    name = connection.settings_dict["NAME"]
    urls = {
        variable: urlunsplit(urlsplit(os.environ[variable])._replace(path=f"/{name}"))
        for variable in ("DATABASE_URL", "DATABASE_STAFF_URL")
    }
    environment = os.environ | {
        **urls,
        "EBAY_URL": settings.EBAY_URL,
        "MEDIA_ROOT": folder,
        "PUBLIC_URL": "https://bench.invalid",
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "manage.py", "marketplace_worker", "--idle", "0.02", "--threads", str(threads)]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(workers)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=60)
        close_staff_connection()
        connections.close_all()
