"""A new address: both are told, other sessions end, and it tells no more than signing up does."""

import pytest
from django.core import mail as django_mail

from accounts.enums import Role
from accounts.exceptions import EmailTaken
from accounts.models import OneTimeSecret, TokenFamily
from accounts.selectors import open_sessions
from accounts.services import limits
from accounts.services.profiles import change_email
from accounts.tests.factories import make_session, make_user
from accounts.tokens import ACCESS, decode
from audit.models import Event
from common.context import acting
from common.errors import RateLimited
from common.mail.delivery import deliver_due
from common.models import Mail
from common.tests.mailbox import latest_code
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

OLD, NEW = "owner@example.org", "new@example.org"


@pytest.fixture
def user():
    return make_user(email=OLD)


@pytest.fixture
def admin():
    return make_user(Role.ADMIN)


@pytest.mark.parametrize(
    "language, subject",
    [
        ("fr", "L'adresse e-mail de votre compte a été remplacée"),
        ("en", "The e-mail address of your account was replaced"),
    ],
)
def test_old_address_is_told_and_the_new_one_gets_a_code(language, subject):
    user = make_user(email=OLD, language=language)

    changed = change_email(user, " New@Example.ORG ", by=user)

    assert (changed.email, changed.is_verified) == (NEW, False)
    assert sorted(Mail.objects.values_list("to", "template", "language")) == [
        (NEW, "verify_email", "fr"),
        (OLD, "address_replaced", language),
    ]
    deliver_due()
    (told,) = [message for message in django_mail.outbox if message.to == [OLD]]
    assert (told.subject, NEW in told.body) == (subject, False)
    assert len(latest_code(NEW)) == 6
    assert OneTimeSecret.objects.get(ended_at=None).user == user


def test_own_change_keeps_the_session_that_makes_it(api, user):
    kept, other = make_session(user), api(user)
    family = decode(kept.access_token, ACCESS).family

    change_email(user, NEW, keep=family, by=user)

    assert list(open_sessions(user.pk).values_list("public_id", flat=True)) == [family]
    assert other.get("/api/v1/account/").status_code == 401
    assert TokenFamily.objects.exclude(public_id=family).get().revoked_for == "access_changed"
    event = Event.objects.get(action="session.ended")
    assert event.changes == {"user": user.pk, "reason": "access_changed"}


def test_change_by_staff_ends_every_session(api, user, admin):
    client = api(user)
    assert client.get("/api/v1/account/").status_code == 200

    change_email(user, NEW, by=admin)

    assert client.get("/api/v1/account/").status_code == 401
    assert not open_sessions(user.pk).exists()


def test_same_address_changes_nothing(api, user):
    api(user)
    before = contents()

    change_email(user, "OWNER@example.org", by=user)

    assert contents() == before
    assert open_sessions(user.pk).count() == 1


def test_changing_ones_address_tells_no_more_often_than_signing_up(api, user):
    known = make_user().email
    api(user)
    before = contents()

    with acting("user", str(user.pk), ip="192.0.2.1"):
        for _ in range(limits.TOLD.attempts):
            with pytest.raises(EmailTaken):
                change_email(user, known, by=user)
        with pytest.raises(RateLimited):
            change_email(user, known, by=user)

    assert contents() == before
    assert open_sessions(user.pk).count() == 1
