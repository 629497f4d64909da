"""Workers die by SIGKILL at any moment, the channels misbehave: every job ends, each item stands once on each."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as project_settings
from django.core.files.base import ContentFile
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from marketplaces import tokens
from marketplaces.channels import _load
from marketplaces.channels.tests.books import PICTURE, SETTINGS, Marketplace
from marketplaces.enums import ConnectionState, JobKind, JobState, ListingState, MemberRole
from marketplaces.models import ChannelConnection, Job, Listing
from marketplaces.services import devices
from marketplaces.services.jobs import queues
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_connection, make_image, make_item, make_member, make_merchant
from marketplaces.tests.jobs_world import publish, rows

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite's test database lives in this process: no other can die in it"
    ),
]
CHANNELS = ("ebay", "etsy", "vinted")
ACTIONS = {
    "publish": {"method": "POST", "path": "/items", "payload": {"sku": "{sku}"}, "external_id": "id"},
    "update": {"method": "PUT", "path": "/items/{external_id}", "payload": {"quantity": "{quantity}"}},
    "withdraw": {"method": "DELETE", "path": "/items/{external_id}"},
    "find": {
        "method": "GET",
        "path": "/items",
        "params": {"sku": "{sku}"},
        "rows": "items",
        "fields": {"external_id": "id", "sku": "sku"},
    },
}
FAULTS = (
    "error_500 garbage html timeout reset_after_accept error_after_effect truncated rate_limit latency expired_token"
)
PATHS = {"ebay": "/sell/inventory", "etsy": "/v3/application/"}


class Site:
    """What the scripted browsers see of Vinted: it never refuses to list a thing twice."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self._number = 0
        self._lock = threading.Lock()

    def do(self, task: dict[str, Any]) -> Any:
        with self._lock:
            match task["http_method"]:
                case "POST":
                    self._number += 1
                    self.items[str(self._number)] = task["payload"]["sku"]
                    return {"id": str(self._number)}
                case "GET":
                    wanted = task["params"]["sku"]
                    return {"items": [{"id": id_, "sku": sku} for id_, sku in self.items.items() if sku == wanted]}
                case "DELETE":
                    self.items.pop(task["path"].rpartition("/")[2], None)
        return {}


class Storm:
    def __init__(self, simulators: Any, settings: Any, folder: Any, *, items: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.books = {name: Marketplace(simulators, name) for name in PATHS}
        self.site, self.calm, self.over = Site(), threading.Event(), threading.Event()
        self.environment = self._environment(settings, folder)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.kills = 0
        self.merchants = [make_merchant() for _ in range(min(5, items))]
        self.items: dict[int, list[Any]] = defaultdict(list)
        for number, merchant in enumerate(self.merchants):
            for channel in PATHS:
                self.connect(merchant, channel, account=str(3000 + number))
            make_connection(merchant, "vinted")
        item = make_item(self.merchants[0])
        shared = {"category": item.category, "condition": item.condition}
        for number in range(items):
            merchant = self.merchants[number % len(self.merchants)]
            item = make_item(merchant, **shared)
            image = make_image(item, content_type="image/png")
            with merchant_scope(merchant.pk):
                image.file.save("a.png", ContentFile(PICTURE))
            self.items[merchant.pk].append(item)

    def connect(self, merchant: Any, channel: str, *, account: str) -> None:
        pair = self.books[channel].tokens(account)
        make_connection(
            merchant,
            channel,
            access=pair["access_token"],
            refresh=pair["refresh_token"],
            account_id=f"8{account}" if channel == "etsy" else "",
            settings=SETTINGS[channel],
        )

    def _environment(self, settings: Any, folder: Any) -> dict[str, str]:
        name = connection.settings_dict["NAME"]
        urls = {
            variable: urlunsplit(urlsplit(os.environ[variable])._replace(path=f"/{name}"))
            for variable in ("DATABASE_URL", "DATABASE_STAFF_URL")
        }
        return os.environ | {
            **urls,
            "DEBUG": "1",
            "MARKETPLACE_CHANNELS": ",".join(CHANNELS),
            "VINTED_ACTIONS": json.dumps(ACTIONS),
            "MEDIA_ROOT": str(folder),
            "PUBLIC_URL": "https://shop.example.org",
            "EBAY_URL": settings.EBAY_URL,
            "ETSY_URL": settings.ETSY_URL,
            "ETSY_TOKEN_URL": settings.ETSY_TOKEN_URL,
            "CHANNEL_CONNECT_SECONDS": "0.5",
            "CHANNEL_READ_SECONDS": "0.5",
            "CHANNEL_DEADLINE_SECONDS": "1",
            "JOB_LEASE_SECONDS": "2.5",
            "JOB_RETRY_SECONDS": "0.2",
            "PLUGIN_LEASE_SECONDS": "2",
        }

    def start_worker(self) -> None:
        command = [sys.executable, "manage.py", "marketplace_worker", "--idle", "0.1", "--threads", "2"]
        self.workers.append(
            subprocess.Popen(
                command,
                env=self.environment,
                cwd=project_settings.BASE_DIR,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def kill_one(self) -> None:
        worker = self.workers.pop(self.chance.randrange(len(self.workers)))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.kills += 1

    def break_something(self) -> None:
        name = self.chance.choice(list(PATHS))
        fault = self.chance.choice(FAULTS.split())
        seconds = {"timeout": 0.8, "latency": 0.2, "rate_limit": 0.5}.get(fault)
        self.books[name].fault(fault, path=PATHS[name], count=self.chance.randint(1, 3), seconds=seconds)

    def reconnect(self) -> None:
        """The merchants do what they are asked for: connect again."""
        for number, merchant in enumerate(self.merchants):
            with merchant_scope(merchant.pk):
                for row in ChannelConnection.objects.exclude(state=ConnectionState.CONNECTED):
                    sealed = b""
                    if row.channel in PATHS:
                        pair = self.books[row.channel].tokens(str(3000 + number))
                        values = {"access": pair["access_token"], "refresh": pair["refresh_token"]}
                        sealed = tokens.seal(values, merchant_id=merchant.pk, channel=row.channel)
                    row.state, row.reason, row.tokens = ConnectionState.CONNECTED, "", sealed
                    row.version, row.expires_at = row.version + 1, timezone.now() + timedelta(hours=1)
                    row.save()
                    queues.follow(row, by=None)

    def browse(self, merchant: Any, seed: int) -> None:
        """One merchant's browser, which dies before and after the work, and answers twice and late."""
        chance = random.Random(seed)
        user = make_member(merchant, MemberRole.EDITOR)
        with merchant_scope(merchant.pk):
            _device, token = devices.add_device("storm", by=user)
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
        late: list[tuple[str, Any]] = []
        try:
            while not self.over.is_set():
                for task in client.get("/api/v1/plugin/tasks/", {"timeout": 1, "limit": 3}).json()["tasks"]:
                    whim = 1.0 if self.calm.is_set() else chance.random()
                    if whim < 0.1:
                        continue
                    result = self.site.do(task)
                    if whim < 0.2:
                        late.append((task["id"], result))
                        continue
                    for _ in range(2 if whim < 0.3 else 1):
                        self._say(client, task["id"], result)
                if late and chance.random() < 0.3:
                    self._say(client, *late.pop())
        finally:
            connections.close_all()

    def _say(self, client: APIClient, task_id: str, result: Any) -> None:
        body = {"success": True, "result": result}
        assert client.post(f"/api/v1/plugin/tasks/{task_id}/result/", body, format="json").status_code == 200

    def open_jobs(self) -> int:
        count = 0
        for merchant in self.merchants:
            with merchant_scope(merchant.pk):
                count += Job.objects.filter(state__in=(JobState.PENDING, JobState.RUNNING)).count()
        return count

    def rage(self, *, seconds: float, workers: int, patience: float) -> None:
        browsers = [
            threading.Thread(target=self.browse, args=(merchant, number))
            for number, merchant in enumerate(self.merchants)
        ]
        for browser in browsers:
            browser.start()
        try:
            for merchant in self.merchants:
                publish(merchant, *self.items[merchant.pk], channels=CHANNELS)
            for _ in range(workers):
                self.start_worker()
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                threading.Event().wait(self.chance.uniform(0.2, 2.5))
                self.break_something()
                if self.chance.random() < 0.6:
                    self.kill_one()
                    self.start_worker()
                self.reconnect()
            self.calm.set()
            for books in self.books.values():
                books.heal()
            gives_up = time.monotonic() + patience
            while self.open_jobs() and time.monotonic() < gives_up:
                self.reconnect()
                threading.Event().wait(0.3)
        finally:
            self.over.set()
            for worker in self.workers:
                worker.kill()
                worker.wait()
            for browser in browsers:
                browser.join()

    def prove(self) -> None:
        left = [
            (
                job.kind,
                job.channel,
                job.state,
                job.attempts,
                job.failures,
                job.last_error_code,
                job.last_error,
                job.memo,
            )
            for merchant in self.merchants
            for job in rows(merchant, Job, state__in=(JobState.PENDING, JobState.RUNNING))
        ]
        assert left == []
        for merchant in self.merchants:
            jobs = rows(merchant, Job, kind=JobKind.PUBLISH)
            assert Counter(job.state for job in jobs) == {JobState.COMPLETED: 3 * len(self.items[merchant.pk])}
            listings = {(row.item_id, row.channel): row for row in rows(merchant, Listing)}
            assert {row.state for row in listings.values()} == {ListingState.LIVE}
            for item in self.items[merchant.pk]:
                for name, books in self.books.items():
                    assert [row["id"] for row in books.live(item.sku)] == [listings[item.pk, name].external_id]
                there = [number for number, sku in self.site.items.items() if sku == item.sku]
                assert there == [listings[item.pk, "vinted"].external_id]


@pytest.mark.parametrize(
    "items, seconds, workers",
    [
        pytest.param(6, 5.0, 2, id="short"),
        pytest.param(167, 300.0, 3, id="long", marks=pytest.mark.soak),
    ],
)
def test_storm_of_kills_and_faults(simulators, settings, tmp_path, items, seconds, workers):
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MARKETPLACE_CHANNELS = {name: f"marketplaces.channels.{name}.channel.{name.title()}" for name in CHANNELS}
    settings.VINTED_ACTIONS = ACTIONS
    settings.PLUGIN_LEASE_SECONDS = 2
    _load.cache_clear()
    storm = Storm(simulators, settings, tmp_path, items=items, seed=7)

    storm.rage(seconds=seconds, workers=workers, patience=60 + seconds)

    assert storm.kills > 0
    storm.prove()
