import os
import signal
import threading

import pytest
from django.core.management import CommandError, call_command

from common import sweeping
from common.context import current


@pytest.fixture
def due(monkeypatch):
    functions = {}
    monkeypatch.setattr(sweeping, "_due", functions)
    return functions


def test_what_every_app_registers_is_swept():
    assert {"idempotency_keys", "reservations_to_expire"} <= set(sweeping._due)


def test_one_that_fails_does_not_stop_the_others(due, caplog):
    seen = []

    def fail():
        raise LookupError("broken")

    def work():
        seen.append(current().actor)
        return 3

    sweeping.register("first", fail)
    sweeping.register("second", work)

    assert sweeping.sweep() == {"first": -1, "second": 3}
    assert [(actor.kind, actor.id) for actor in seen] == [("task", "sweep:second")]
    assert "broken" in caplog.text


def test_registering_a_name_again_replaces_it(due):
    sweeping.register("a", lambda: 1)
    sweeping.register("a", lambda: 2)

    assert sweeping.sweep() == {"a": 2}


def test_command_prints_one_line(due, capsys):
    due |= {"a": lambda: 1, "b": lambda: 0}
    call_command("sweep")

    assert capsys.readouterr().out == "sweep: a 1, b 0\n"


def test_command_fails_when_something_failed(due, capsys):
    due["a"] = lambda: 1 / 0
    with pytest.raises(CommandError):
        call_command("sweep")

    assert capsys.readouterr().out == "sweep: a failed\n"


@pytest.mark.django_db
def test_command_goes_on_until_it_is_stopped(due, capsys):
    rounds = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def work():
        rounds.append(threading.current_thread())
        if len(rounds) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return len(rounds) - 1

    due["a"] = work
    try:
        call_command("sweep", "--every", "0.001")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    assert len(rounds) == 3
    assert capsys.readouterr().out == "sweep: a 1\nsweep: a 2\n"
