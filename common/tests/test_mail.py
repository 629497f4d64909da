"""The outbox: committed with its cause, sent over a real socket, late but never lost, forgotten when sent."""

import smtplib
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.core import mail as django_mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from common.enums import MailState
from common.mail import Composed, composing, delivery, queueing, register_composer, send_mail_later
from common.mail.delivery import Outcome, deliver, deliver_due
from common.models import Mail
from common.tasks import deliver_mail
from tests.mail_server import MailServer, parts
from tests.threads import run_together

pytestmark = pytest.mark.django_db

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture(autouse=True)
def _no_composers(monkeypatch):
    """The templates alone: who composes a mail when it is sent is another app's."""
    monkeypatch.setattr(composing, "_composers", {})


@pytest.fixture
def server(settings):
    server = MailServer().start()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", server.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "sender@example.org", "p@ss #$/%"
    settings.EMAIL_TIMEOUT = 5
    yield server
    server.stop()


def _queue(**fields):
    fields = {
        "to": "marie@example.org",
        "template": "verify_email",
        "context": {"code": "123456", "minutes": 10},
    } | fields
    return send_mail_later(**fields)


@pytest.mark.parametrize(
    "language, subject, sentence",
    [
        ("fr", "123456 est votre code Toc Toc Medoc", "Il est valable 10 minutes. Ne le donnez à personne."),
        ("en", "123456 is your Toc Toc Medoc code", "It is valid for 10 minutes. Give it to nobody."),
    ],
)
def test_mail_in_the_readers_language_over_a_socket(server, language, subject, sentence):
    mail = _queue(language=language)

    assert deliver(mail.pk) is Outcome.DONE

    (message,) = server.messages
    assert (message["Subject"], message["To"]) == (subject, "marie@example.org")
    assert message["From"] == "Toc Toc Medoc <ne-pas-repondre@example.org>"
    assert (message["Auto-Submitted"], message["Content-Language"]) == ("auto-generated", language)
    assert message["Message-ID"] == f"<mail.{mail.pk}.{int(mail.created_at.timestamp())}@127.0.0.1>"
    for part in parts(message):
        assert sentence in part
        assert "123456" in part
    assert server.logins == [("sender@example.org", "p@ss #$/%")]


def test_what_it_says_is_encrypted_until_it_is_sent_and_then_gone():
    mail = _queue()

    stored = Mail.objects.get()
    assert (stored.state, stored.attempts) == (MailState.WAITING, 0)
    assert b"123456" not in bytes(stored.context)
    assert len(stored.context) > 0

    deliver(mail.pk)

    stored = Mail.objects.get()
    assert (stored.state, stored.attempts, stored.next_at, bytes(stored.context)) == (MailState.SENT, 1, None, b"")
    assert "123456" not in str(list(DBTaskResult.objects.values()))


def test_text_is_not_escaped_and_html_is():
    link = "https://www.example.org/reset?token=a&b='c'"
    deliver(_queue(template="reset_password", context={"link": link, "minutes": 15}).pk)

    (message,) = django_mail.outbox
    assert link in message.body
    assert link not in message.alternatives[0].content
    assert 'href="https://www.example.org/reset?token=a&amp;b=&#x27;c&#x27;"' in message.alternatives[0].content


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    "template",
    ["verify_email", "already_registered", "reset_password", "password_changed", "address_replaced", "second_factor"],
)
def test_every_template_is_complete(template, language):
    deliver(_queue(template=template, language=language, context={"code": "1", "link": "https://x", "minutes": 5}).pk)

    (message,) = django_mail.outbox
    assert "\n" not in message.subject
    assert "{" not in message.subject + message.body
    assert message.body.startswith({"fr": "Bonjour,\n", "en": "Hello,\n"}[language])


@pytest.mark.django_db(transaction=True)
def test_mail_commits_with_its_cause():
    with suppress(RuntimeError), transaction.atomic():
        _queue()
        raise RuntimeError
    assert (Mail.objects.count(), DBTaskResult.objects.count()) == (0, 0)

    mail = _queue()
    task = DBTaskResult.objects.get()
    assert task.args_kwargs == {"args": [mail.pk], "kwargs": {}}


def test_task_sends_and_a_repetition_does_not():
    mail = _queue()

    deliver_mail.call(mail.pk)
    deliver_mail.call(mail.pk)

    assert len(django_mail.outbox) == 1
    assert deliver(mail.pk) is Outcome.NOT_DUE


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_a_mail_once(server):
    mail = _queue()

    outcomes = run_together(8, lambda number: deliver(mail.pk))

    assert sorted(outcome.value for outcome in outcomes) == ["done"] + ["not due"] * 7
    assert len(server.messages) == 1


def test_server_that_is_down_delays_mail_and_the_sweep_finishes(server):
    first, second = _queue(), _queue(to="jean@example.org")
    server.stop()

    # Asked once, the server that cannot be reached is left alone.
    assert deliver_due() == 1
    late = Mail.objects.get(pk=first.pk)
    assert (late.state, late.attempts, late.error) == (MailState.WAITING, 1, "ConnectionRefusedError")
    assert 8 <= (late.next_at - timezone.now()).total_seconds() <= 12
    assert Mail.objects.get(pk=second.pk).attempts == 0

    server.start()
    with time_machine.travel(timezone.now() + timedelta(seconds=15), tick=True):
        assert deliver_due() == 2
    assert {message["To"] for message in server.messages} == {"marie@example.org", "jean@example.org"}
    assert set(Mail.objects.values_list("state", flat=True)) == {MailState.SENT}


@pytest.mark.parametrize(
    "answer, outcome, state, error",
    [
        ("550 no such mailbox", Outcome.REFUSED, MailState.FAILED, "SMTPRecipientsRefused 550"),
        ("451 try again", Outcome.LATER, MailState.WAITING, "SMTPRecipientsRefused 451"),
    ],
)
def test_refusal_for_good_ends_it_and_for_now_delays_it(server, answer, outcome, state, error):
    mail = _queue()
    server.refuse = answer

    assert deliver(mail.pk) is outcome

    mail.refresh_from_db()
    assert (mail.state, mail.error, server.messages) == (state, error, [])
    assert bool(mail.context) is (state == MailState.WAITING)


def test_waits_grow_and_it_is_given_up_after_three_days(monkeypatch):
    monkeypatch.setattr(delivery, "_send", lambda mail: (_ for _ in ()).throw(smtplib.SMTPServerDisconnected()))
    monkeypatch.setattr(delivery.random, "uniform", lambda low, high: 1.0)
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mail = _queue()
        while mail.state == MailState.WAITING:
            deliver(mail.pk)
            mail.refresh_from_db()
            if mail.next_at:
                waits.append((mail.next_at - timezone.now()).total_seconds())
                clock.move_to(mail.next_at)

    assert waits[:8] == [10, 30, 60, 120, 300, 900, 3600, 3600]
    assert set(waits[6:]) == {3600}
    assert 72 * 3600 <= sum(waits) <= 73 * 3600
    assert (mail.state, mail.error, bytes(mail.context)) == (MailState.FAILED, "SMTPServerDisconnected", b"")


def test_worker_that_died_leaves_it_due_after_its_lease(monkeypatch):
    def die(mail):
        raise KeyboardInterrupt

    mail = _queue()
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(delivery, "_send", die)
        deliver(mail.pk)

    assert deliver(mail.pk) is Outcome.NOT_DUE
    with time_machine.travel(timezone.now() + delivery.LEASE, tick=True):
        assert deliver(mail.pk) is Outcome.DONE
    assert len(django_mail.outbox) == 1


def test_late_worker_does_not_undo_what_its_successor_did(monkeypatch):
    mail = _queue()

    def overtaken(row):
        Mail.objects.filter(pk=row.pk).update(attempts=2, state=MailState.SENT, next_at=None, context=b"")
        raise OSError

    monkeypatch.setattr(delivery, "_send", overtaken)
    deliver(mail.pk)

    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.error) == (MailState.SENT, 2, "")


def test_mail_that_has_become_useless_is_not_sent():
    mail = _queue(expires_at=timezone.now() + timedelta(minutes=10))

    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=True):
        assert deliver(mail.pk) is Outcome.DONE

    mail.refresh_from_db()
    assert (mail.state, mail.error, bytes(mail.context), django_mail.outbox) == (MailState.DROPPED, "expired", b"", [])


def test_composer_decides_at_sending_time():
    known = {"marie@example.org": Composed("already_registered", {}, "en")}
    register_composer("hello", lambda to, planned: known.get(to) if planned.context["ask"] else None)

    for to in ("marie@example.org", "nobody@example.org"):
        deliver(send_mail_later(to=to, template="hello", context={"ask": True}).pk)

    assert [message.subject for message in django_mail.outbox] == ["You already have a Toc Toc Medoc account"]
    assert list(Mail.objects.order_by("pk").values_list("state", flat=True)) == [MailState.SENT, MailState.DROPPED]


def test_at_most_every_minute():
    minute = timedelta(minutes=1)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert _queue(at_most_every=minute) is not None
        clock.shift(59)
        assert _queue(at_most_every=minute) is None
        assert _queue(at_most_every=minute, to="jean@example.org") is not None
        assert _queue(at_most_every=minute, template="reset_password") is not None
        clock.shift(2)
        assert _queue(at_most_every=minute) is not None
    assert Mail.objects.filter(to="marie@example.org", template="verify_email").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_are_one_mail():
    queued = run_together(8, lambda number: _queue(at_most_every=timedelta(minutes=1)))

    assert sum(mail is not None for mail in queued) == 1
    assert Mail.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_requests_are_two_mails(monkeypatch):
    looked = Barrier(2)
    monkeypatch.setattr(queueing, "one_at_a_time", lambda *args: None)
    monkeypatch.setattr(queueing, "encrypt", lambda plain: plain if looked.wait(10) else b"")

    run_together(2, lambda number: _queue(at_most_every=timedelta(minutes=1)))

    assert Mail.objects.count() == 2


def test_old_rows_are_forgotten_and_waiting_ones_are_not():
    with time_machine.travel(timezone.now() - delivery.KEPT_FOR - timedelta(seconds=5), tick=True):
        sent, waiting = _queue(), _queue()
        deliver(sent.pk)
    recent = _queue()
    deliver(recent.pk)
    Mail.objects.filter(pk=waiting.pk).update(next_at=timezone.now() + timedelta(hours=1))

    deliver_due()

    assert set(Mail.objects.values_list("pk", flat=True)) == {waiting.pk, recent.pk}


@pytest.mark.parametrize(
    "fields", [{"state": "lost"}, {"next_at": None}, {"state": "sent"}, {"state": "sent", "next_at": None}]
)
def test_database_refuses_the_impossible(fields):
    _queue()
    with pytest.raises(IntegrityError), transaction.atomic():
        Mail.objects.update(**fields)
