"""Nothing changes unheard: every model and every service that writes is audited, or it is said here why not, and
whatever comes in, by the admin, the API, a command or a task, names who acts.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Rate, User
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event
from audit.reference_data import AUDITED
from audit.tests.service_graph import ROOT, functions, public_services, tells, writes
from common.tests.rows import our_models

# Whose rows' lives are told by events: how their codes begin.
TOLD = {
    "accounts.Account": ("account.",),
    "accounts.AccountReview": ("account.reviewed",),
    "accounts.Approval": ("approval.",),
    "accounts.CreditEntry": ("credits.",),
    "accounts.RecoveryCode": ("user.recovery_code",),
    "accounts.SecondFactor": ("user.mfa_",),
    "accounts.TokenFamily": ("session.", "user.signed_in"),
    "accounts.User": ("user.",),
    "appointments.Appointment": ("appointment.",),
    "appointments.CalendarFeed": ("calendar.",),
    "appointments.WaitlistEntry": ("waitlist.",),
    "appointments.WaitlistOffer": ("waitlist.",),
    "audit.Archive": ("audit.archived",),
    "catalog.PriceChange": ("catalog.products_imported", "reference.updated"),
    "catalog.ProductChange": ("catalog.product_change_",),
    "catalog.Stock": ("catalog.stock_",),
    "common.FileImport": ("file_import.",),
    "common.ImportBatch": ("import.",),
    "common.ImportedRow": ("import.",),
    "payments.CallbackMessage": ("callback.",),
    "payments.Payment": ("payment.",),
    "payments.PaymentAttempt": ("payment.",),
    "payments.Refund": ("refund.",),
    "reservations.EpgRequest": ("epg_request.",),
    "reservations.Reservation": ("reservation.",),
    "reservations.ReservationLine": ("reservation.",),
}
UNTOLD = {
    "accounts.OneTimeSecret": "what a code or link leads to is an event; that one was mailed is a row of Mail",
    "appointments.FreedSlot": "a note of work to do: the offer that follows is an event",
    "appointments.Notice": "what was told of an appointment whose own moves are events",
    "audit.Anchor": "where a seal was sent; seals prove events and are no acts of anybody",
    "audit.Event": "the log itself",
    "audit.EventPersonal": "a part of its event",
    "audit.Seal": "proves events; chained and verified by themselves",
    "backoffice.DailyFigure": "counted from other rows, and again at any time",
    "catalog.CatalogVersion": "a number that rises with every change of the catalogue",
    "catalog.SearchEntry": "follows the product, whose change is told",
    "catalog.StockAlert": "a patient's wish to be mailed, of no weight for anybody else",
    "common.IdempotencyKey": "the answer of a request whose effect is told",
    "common.Mail": "an outbox: what was mailed to whom is the row itself",
    "common.RateCounter": "counts of attempts, forgotten within days; their exhaustion is told",
}
SHOPS_UNTOLD = {
    "marketplaces.BuyerMessage": "a buyer's own words, read from the channel and kept as they are",
}
# Of services: who calls them tells, or what they write is told by the save itself (`audit.reference_data`).
_REFERENCE = "saves reference data, whose old and new values the save itself tells"
_PART = "a part of a service that tells"
SILENT = {
    "accounts.services.duties.set_groups": _PART,
    "accounts.services.limits.forgive": "counters of attempts",
    "accounts.services.one_time.contest": _PART,
    "accounts.services.one_time.end": _PART,
    "accounts.services.one_time.end_all": _PART,
    "accounts.services.one_time.forget_expired": "rows that nobody can use any more",
    "accounts.services.one_time.issue_code": _PART,
    "accounts.services.one_time.issue_link_token": _PART,
    "accounts.services.price_lists.apply_due_credits": _REFERENCE,
    "accounts.services.price_lists.change_price": _REFERENCE,
    "accounts.services.price_lists.import_price_list": _REFERENCE,
    "accounts.services.rates.delete_price": _REFERENCE,
    "accounts.services.rates.save_price": _REFERENCE,
    "accounts.services.rates.save_rate": _REFERENCE,
    "accounts.services.rates.withdraw_rate": _REFERENCE,
    "accounts.services.recovery_codes.replace_codes": _PART,
    "accounts.services.recovery_codes.use_code": _PART,
    "accounts.services.second_factor.reencrypt_all": "the same secrets under another key",
    "accounts.services.second_factor.resume_enrolment": "nothing holds before it is confirmed, which is told",
    "accounts.services.second_factor.start_enrolment": "nothing holds before it is confirmed, which is told",
    "accounts.services.sessions.forget_expired": "rows that nobody can use any more",
    "accounts.services.sessions.start_family": _PART,
    "appointments.services.notices.announce": "mails about what was told",
    "appointments.services.notices.send_notices": "mails about what was told",
    "appointments.services.practices.open_practice": _REFERENCE,
    "appointments.services.reminding.send_reminders": "mails about what was told",
    "appointments.services.notes.reencrypt_notes": "the same notes under another key",
    "catalog.services.alerts.add_alert": "a patient's wish to be mailed",
    "catalog.services.alerts.fire_alerts": "mails that were asked for",
    "catalog.services.baskets.look_up": "answers of pharmacies, kept for a while",
    "catalog.services.changes.settle": _PART,
    "catalog.services.entries.delete_entry": _PART,
    "catalog.services.entries.save_entry": _PART,
    "catalog.services.entries.write_entries": _PART,
    "catalog.services.hours.mark_hours_entered": _REFERENCE,
    "catalog.services.hours.read_imported_hours": "what the stored text means, computed again at any time",
    "catalog.services.pharmacies.save_pharmacy": _REFERENCE,
    "catalog.services.price_history.record_change": _PART,
    "catalog.services.price_history.record_settled": _PART,
    "catalog.services.prices.known_labels": "writes nothing: it fills a dictionary",
    "marketplaces.services.channel_keys.reseal_all": "the same secrets under another key",
    "marketplaces.services.devices.lease": "the lease of a task whose end is told",
    "marketplaces.services.devices.note_seen": "when a browser was last seen",
    "marketplaces.services.devices.renew": "the lease of a task whose end is told",
    "marketplaces.services.jobs.closing.end_open_steps": _PART,
    "marketplaces.services.jobs.closing.end_step": _PART,
    "marketplaces.services.jobs.closing.erase": "a job that has nothing to tell leaves no trace",
    "marketplaces.services.jobs.handlers.listings.read_orders": "from when on orders of a channel are read",
    "marketplaces.services.jobs.handlers.listings.save_published": _PART,
    "marketplaces.services.jobs.plugin.heartbeat": "when a browser was last seen",
    "marketplaces.services.jobs.queue.beat": "the lease of a job whose end is told",
    "marketplaces.services.jobs.queue.claim": "the lease of a job whose end is told",
    "marketplaces.services.jobs.queues.pause": "how long a channel that is down is left alone",
    "marketplaces.services.publishing.forget_why": "a remark about a state that was told",
    "reservations.services.moves.hold": _PART,
}


def _label(model: type[Model]) -> str:
    return model._meta.label


def test_every_model_is_audited_or_it_is_said_why_not() -> None:
    # A merchant's rows are told together: items, listings and orders by codes of their own.
    shops = {_label(model) for model in apps.get_app_config("marketplaces").get_models()}
    ours = {_label(model) for model in [*our_models(), *apps.get_app_config("backoffice").get_models()]}
    reference = {_label(model) for model in AUDITED}

    assert ours - shops - reference == TOLD.keys() | UNTOLD.keys()
    assert not (TOLD.keys() | reference) & UNTOLD.keys()
    assert {label for label in shops - reference if not _told_of_shops(label)} == SHOPS_UNTOLD.keys()


def _told_of_shops(label: str) -> bool:
    """Whether a service of `marketplaces` that writes this model tells anybody."""
    name = label.partition(".")[2]
    writers = [each for each in public_services() if each.startswith("marketplaces.") and writes(each)]
    return any(tells(each) and any(called.endswith(f".{name}") for called in _called(each)) for each in writers)


def _called(name: str) -> set[str]:
    found = set(functions()[name].calls)
    return found | {inner for each in found if each in functions() for inner in functions()[each].calls}


@pytest.mark.parametrize("label", TOLD)
def test_codes_that_tell_of_a_model_exist(label: str) -> None:
    assert all(any(action.startswith(code) for action in Action.values) for code in TOLD[label])


def test_every_service_that_writes_tells_or_it_is_said_why_not() -> None:
    written = [name for name in public_services() if writes(name)]

    assert len(written) >= 150
    assert {name for name in written if not tells(name)} == SILENT.keys()


@pytest.mark.parametrize("name", ["accounts.services.duties.change_duties", "payments.services.refunds.mark_sent"])
def test_the_source_is_read_rightly(name: str) -> None:
    assert writes(name)
    assert tells(name)
    assert not tells("catalog.services.prices.known_labels")


def _tasks() -> list[tuple[Path, ast.FunctionDef]]:
    return [
        (path, node)
        for path in sorted(ROOT.glob("*/tasks.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and any("task" in ast.unparse(each) for each in node.decorator_list)
    ]


@pytest.mark.parametrize("path, task", _tasks(), ids=lambda value: getattr(value, "name", ""))
def test_every_task_names_itself(path: Path, task: ast.FunctionDef) -> None:
    assert f"acting('task', '{task.name}')" in ast.unparse(task), path


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["createsuperuser", "import_pharmacies"])
def test_a_command_is_the_actor_of_what_it_does(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from manage import main

    # The test's transaction lives in this connection; a command closes it when it is done.
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "Un-secret-bien-long-7")
    file = tmp_path / "list.csv"
    file.write_text(
        "code,nom,ville,quartier,telephone,horaires,garde_24h,ville_latitude_geonames,ville_longitude_geonames\n"
        "p1,Une,Oyem,,,,,,\n"
    )
    arguments = {"createsuperuser": ["--noinput", "--email=first@example.org"], "import_pharmacies": [str(file)]}

    main(["manage.py", command, *arguments[command]])

    actors = set(Event.objects.values_list("actor_kind", "actor_id"))
    assert actors == {("command", command)}


@pytest.mark.django_db
def test_the_admin_and_the_api_name_the_person(api: Callable[..., APIClient]) -> None:
    admin, staff, patient = make_user(Role.ADMIN), make_user(Role.STAFF), make_user()
    client = Client()
    client.force_login(admin)
    pack = {"label": "Famille", "price": 100, "currency": "XAF", "credits": 3, "is_active": "on"}

    client.post(reverse("admin:accounts_rate_add"), pack)
    api(staff).patch(f"/api/v1/users/{patient.pk}/", {"first_name": "Ida"}, format="json")

    assert Rate.objects.count() == User.objects.filter(first_name="Ida").count() == 1
    assert _actor("reference.created") == ("user", str(admin.pk))
    assert _actor("user.profile_changed") == ("user", str(staff.pk))


def _actor(action: str) -> tuple[Any, ...]:
    return Event.objects.values_list("actor_kind", "actor_id").get(action=action)
