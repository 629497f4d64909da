"""Sign-up and proof of the address: what works, and that nobody learns who has an account."""

import time
from datetime import timedelta
from statistics import median

import pytest
import time_machine
from django.conf import settings as project_settings
from django.contrib.auth import hashers
from django.core import mail as django_mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.exceptions import InvalidOtp
from accounts.models import OneTimeSecret, TokenFamily, User
from accounts.services import registration
from accounts.signals import registration_requested, user_registered
from accounts.tests.factories import PASSWORD, balance, make_user
from appointments.models import Specialty
from audit.models import Event
from common.errors import Invalid
from common.models import Mail
from common.tests.mailbox import latest_code, mails
from common.tests.rows import contents
from tests.threads import run_together

pytestmark = pytest.mark.django_db

REGISTER, VERIFY, RESEND = (f"/api/v1/auth/{name}/" for name in ("register", "verify-otp", "resend-otp"))
MARIE = "marie@example.org"
HASHERS = list(project_settings.PASSWORD_HASHERS)


def _post(url, **headers):
    def post(**body):
        return APIClient().post(url, body, format="json", headers=headers)

    return post


def _register(email=MARIE, password=PASSWORD, **fields):
    return _post(REGISTER)(email=email, password=password, **fields)


def _verify(email=MARIE, otp="000000"):
    return _post(VERIFY)(email=email, otp=otp)


def _comparable(response):
    body = dict(response.json())
    body.pop("request_id", None)
    body.pop("email", None)
    return response.status_code, body, sorted(response.headers)


def test_register_verify_and_be_signed_in(api):
    response = _register(
        " Marie@Example.ORG ", first_name="Marie", last_name="Obame", phone="077 12 34 56", bio="Bonjour"
    )

    assert response.status_code == 201, response.content
    assert response.json() == {"email": MARIE, "otp_expires_in": 600}
    assert response.headers["Cache-Control"] == "no-store"
    user = User.objects.get()
    assert (user.email, user.role, user.is_verified, user.phone) == (MARIE, "patient", False, "+24177123456")
    assert (user.full_name, user.bio, user.language, balance(user)) == ("Marie Obame", "Bonjour", "fr", 10)
    assert TokenFamily.objects.count() == 0

    answer = _verify(otp=latest_code(MARIE))

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (body["user"]["email"], body["user"]["is_verified"]) == (MARIE, True)
    me = APIClient().get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert me.json()["email"] == MARIE
    login = _post("/api/v1/auth/login/")(email=MARIE, password=PASSWORD)
    assert login.status_code == 200


def test_unverified_person_cannot_sign_in():
    _register()

    response = _post("/api/v1/auth/login/")(email=MARIE, password=PASSWORD)
    assert (response.status_code, response.json()["code"]) == (403, "email_not_verified")


@pytest.mark.parametrize("address", [REGISTER, "/api/v1/auth/register", "/api/v1/auth/signup/", "/api/v1/auth/signup"])
def test_every_address(address):
    assert _post(address)(email=MARIE, password=PASSWORD).status_code == 201
    assert User.objects.count() == 1


@pytest.mark.parametrize("path", ["/api/v1/register/", "/api/v1/signup/", "/auth/signup/", "/api/v1/users/register/"])
def test_aliases_exist_only_below_auth(path):
    assert APIClient().post(path, {}, format="json").status_code == 404


@pytest.mark.parametrize(
    "full_name, expected",
    [
        ("Marie Obame", ("Marie", "Obame")),
        ("Marie  Claire Obame", ("Marie  Claire", "Obame")),
        ("Marie", ("Marie", "")),
        ("", ("", "")),
    ],
)
def test_full_name(full_name, expected):
    assert _register(full_name=full_name).status_code == 201
    assert User.objects.values_list("first_name", "last_name").get() == expected


def test_first_and_last_name_win_over_the_full_name():
    _register(full_name="X Y", first_name="Marie")
    assert User.objects.values_list("first_name", "last_name").get() == ("Marie", "")


@pytest.mark.parametrize(
    "query, body, role",
    [
        ("", {}, "patient"),
        ("?role=doctor", {}, "doctor"),
        ("?role=patient", {}, "patient"),
        ("", {"role": "doctor"}, "doctor"),
        ("?role=patient", {"role": "doctor"}, "doctor"),
    ],
)
def test_role_by_body_or_query(query, body, role):
    assert _post(REGISTER + query)(email=MARIE, password=PASSWORD, **body).status_code == 201

    user = User.objects.get()
    assert (user.role, user.is_staff, list(user.groups.values_list("name", flat=True))) == (role, False, [role])


@pytest.mark.parametrize("role", ["pharmacist", "staff", "admin", "king", "", None, 1, ["doctor"]])
def test_nobody_lifts_themselves_up(role):
    before = contents()

    answers = [_register(role=role)]
    if isinstance(role, str):
        answers.append(_post(f"{REGISTER}?role={role}")(email=MARIE, password=PASSWORD))
    for answer in answers:
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["role"]
    assert contents() == before


@pytest.mark.parametrize("language, header, expected", [(None, "en", "en"), (None, "de", "fr"), ("en", "fr", "en")])
def test_language_is_the_one_named_or_the_readers(language, header, expected):
    body = {"language": language} if language else {}
    _post(REGISTER, **{"Accept-Language": header})(email=MARIE, password=PASSWORD, **body)

    assert User.objects.get().language == expected
    assert mails(MARIE)[0].subject.endswith(
        {"en": "is your Toc Toc Medoc code", "fr": "est votre code Toc Toc Medoc"}[expected]
    )


@pytest.mark.parametrize(
    "body, errors",
    [
        ({}, [("email", "required"), ("password", "required")]),
        ({"email": "x", "password": PASSWORD}, [("email", "invalid")]),
        ({"email": None, "password": None}, [("email", "null"), ("password", "null")]),
        (
            {"email": MARIE, "password": "password"},
            [
                ("password", "password_no_digit"),
                ("password", "password_no_upper_case"),
                ("password", "password_too_common"),
            ],
        ),
        ({"email": MARIE, "password": "A1" + "x" * 255}, [("password", "max_length")]),
        ({"email": MARIE, "password": PASSWORD, "phone": "123"}, [("phone", "invalid_phone")]),
        ({"email": MARIE, "password": PASSWORD, "phone": "+241 99 99 99 99"}, [("phone", "invalid_phone")]),
        ({"email": MARIE, "password": PASSWORD, "is_staff": True}, [("is_staff", "unknown_field")]),
        ({"email": MARIE, "password": PASSWORD, "is_verified": True}, [("is_verified", "unknown_field")]),
        ({"email": "a" * 250 + "@b.org", "password": PASSWORD}, [("email", "max_length")]),
        ({"email": MARIE, "password": PASSWORD, "language": "de"}, [("language", "invalid_choice")]),
        ({"email": MARIE, "password": PASSWORD, "specialty_ids": ["1"]}, [("specialty_ids.0", "invalid")]),
        ({"email": MARIE, "password": PASSWORD, "specialty_ids": [1]}, [("specialty_ids", "specialties_of_doctors")]),
        (
            {"email": MARIE, "password": PASSWORD, "specialty_ids": [1], "role": "doctor"},
            [("specialty_ids.0", "unknown_specialty")],
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_known", [False, True])
def test_refusal_names_every_field_whoever_has_the_address(body, errors, is_known):
    if is_known:
        make_user(email=MARIE)
    before = contents()
    response = _post(REGISTER)(**body)

    assert response.status_code == 400, response.content
    assert sorted((error["field"], error["code"]) for error in response.json()["errors"]) == errors
    assert contents() == before


@pytest.fixture
def specialties(db):
    """A listener beside the appointments': specialties 1 and 2 exist."""
    registered = []
    for pk in (1, 2):
        Specialty.objects.create(pk=pk, name_fr=f"Spécialité {pk}", name_en=f"Specialty {pk}")

    def check(role, specialty_ids, **kwargs):
        if not set(specialty_ids) <= {1, 2}:
            raise Invalid(code="unknown_specialty")
        return True

    def keep(user, specialty_ids, **kwargs):
        registered.append((user.email, specialty_ids))

    registration_requested.connect(check, weak=False)
    user_registered.connect(keep, weak=False)
    yield registered
    registration_requested.disconnect(check)
    user_registered.disconnect(keep)


def test_doctor_names_specialties_that_a_listener_knows(specialties):
    assert _register(role="doctor", specialty_ids=[1, 2]).status_code == 201
    assert specialties == [(MARIE, [1, 2])]


@pytest.mark.parametrize("is_known", [False, True])
def test_listener_may_refuse_and_nothing_happens(specialties, is_known):
    if is_known:
        make_user(email=MARIE)
    before = contents()

    response = _register(role="doctor", specialty_ids=[1, 9])
    assert (response.status_code, response.json()["code"]) == (400, "unknown_specialty")
    assert (contents(), specialties) == (before, [])


def test_known_address_is_answered_the_same_and_told_by_mail():
    make_user(email=MARIE)
    known, unknown = _register(first_name="X"), _register("new@example.org", first_name="X")

    assert _comparable(known) == _comparable(unknown)
    assert known.json()["email"] == MARIE
    # What was done only for the time it takes has left nothing.
    assert set(User.objects.values_list("email", flat=True)) == {MARIE, "new@example.org"}
    created = Event.objects.filter(action="user.created").order_by("id")
    assert list(created.values_list("actor_kind", flat=True)) == ["system", "anonymous"]
    user = User.objects.get(email=MARIE)
    assert (user.first_name, user.check_password(PASSWORD), user.is_verified) == ("", True, True)
    assert [message.subject for message in mails(MARIE)] == ["Vous avez déjà un compte Toc Toc Medoc"]
    event = Event.objects.get(action="user.registration_repeated")
    assert (event.entity_id, event.actor_kind) == (str(user.pk), "anonymous")


def test_address_that_was_shut_out_is_answered_the_same_and_told_nothing():
    make_user(email=MARIE, is_active=False)

    assert _comparable(_register()) == _comparable(_register("new@example.org"))
    assert mails(MARIE) == []


@pytest.mark.parametrize("is_debug", [False, True])
def test_code_in_the_answer_only_under_debug(settings, is_debug):
    settings.DEBUG = is_debug
    make_user(email=MARIE)
    known, unknown = _register().json(), _register("new@example.org").json()

    assert ("otp" in known, "otp" in unknown) == (is_debug, is_debug)
    if is_debug:
        assert _verify(MARIE, known["otp"]).status_code == 400
        assert _verify("new@example.org", unknown["otp"]).status_code == 200


@pytest.mark.parametrize("who", ["unknown", "known", "unverified", "expired", "inactive"])
def test_exactly_one_hash_is_computed_and_one_mail_queued(who, settings, monkeypatch):
    if who == "inactive":
        make_user(email=MARIE, is_active=False)
    elif who == "known":
        make_user(email=MARIE)
    elif who in ("unverified", "expired"):
        ago = timedelta(minutes=2 if who == "unverified" else 20)
        with time_machine.travel(timezone.now() - ago, tick=True):
            _register()
            mails()
    computed = []
    hasher = hashers.get_hasher()
    encode = type(hasher).encode

    def counting(self, password, salt, *args):
        computed.append(password)
        return encode(self, password, salt, *args)

    monkeypatch.setattr(type(hasher), "encode", counting)
    before = Mail.objects.count()

    assert _register(password="Another-pw-1").status_code == 201

    assert computed == ["Another-pw-1"]
    assert Mail.objects.count() - before == (who != "inactive")


@pytest.mark.django_db(transaction=True)
def test_registering_at_once_makes_one_person():
    answers = run_together(6, lambda number: _register())

    assert [answer.status_code for answer in answers] == [201] * 6
    assert User.objects.count() == 1
    assert [message.template for message in Mail.objects.all()] == ["verify_email"]


def test_verification_says_the_same_whatever_is_wrong():
    _register()
    make_user(email="known@example.org")
    make_user(email="out@example.org", is_active=False, is_verified=False)

    answers = [_verify(email) for email in (MARIE, "known@example.org", "nobody@example.org", "out@example.org", "x")]

    first = _comparable(answers[0])
    assert (first[0], first[1]["code"]) == (400, "invalid_otp")
    assert [_comparable(answer) for answer in answers] == [first] * 5


@pytest.mark.parametrize("otp", ["12345", "1234567", "12345a", "", None, 12345, ["123456"], "١٢٣٤٥٦", " 12345"])
def test_code_that_is_none_costs_no_attempt(otp):
    _register()
    response = APIClient().post(VERIFY, {"email": MARIE, "otp": otp}, format="json")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["otp"]
    assert OneTimeSecret.objects.get().attempts_left == 5


def test_verification_is_an_event_and_a_code_is_good_once():
    _register()
    code = latest_code(MARIE)

    assert _verify(otp=code).status_code == 200
    assert _verify(otp=code).json()["code"] == "invalid_otp"

    event = Event.objects.get(action="user.email_verified")
    assert (event.entity_id, event.changes) == (str(User.objects.get().pk), {})
    created = Event.objects.get(action="user.created")
    assert (created.actor_kind, created.personal.values) == ("anonymous", {"email": MARIE})
    told = str(contents())
    assert code not in told
    assert PASSWORD not in told


def test_five_wrong_codes_kill_the_code():
    _register()
    code = latest_code(MARIE)
    for number in range(1, 6):
        assert _verify(otp=f"{(int(code) + number) % 10**6:06d}").status_code == 400

    assert _verify(otp=code).status_code == 400
    assert User.objects.get().is_verified is False
    assert Event.objects.filter(action="user.code_exhausted").count() == 1


@pytest.mark.parametrize("email", [MARIE, "nobody@example.org"])
def test_thirty_codes_an_hour_may_be_tried_whoever_has_the_address(email):
    _register()
    answers = [_verify(email) for _number in range(31)]

    assert [answer.status_code for answer in answers] == [400] * 30 + [429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert 3590 <= int(answers[-1].headers["Retry-After"]) <= 3600


def test_resend_says_the_same_and_mails_only_who_waits():
    make_user(email="known@example.org")
    make_user(email="out@example.org", is_verified=False, is_active=False)
    make_user(email="new@example.org", is_verified=False)

    answers = [
        _post(RESEND)(email=f"{name}@example.org") for name in ("new", "known", "out", "nobody", "new", "nobody")
    ]

    assert [_comparable(answer) for answer in answers] == [_comparable(answers[0])] * 6
    assert answers[0].status_code == 200
    assert [message.to for message in mails()] == [["new@example.org"]]
    assert _verify("new@example.org", latest_code("new@example.org")).status_code == 200


def test_resend_kills_the_code_before_and_mails_once_a_minute():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _register()
        first = latest_code(MARIE)
        clock.shift(59)
        _post(RESEND)(email=MARIE)
        assert len(mails(MARIE)) == 1
        clock.shift(2)
        _post(RESEND)(email=f" {MARIE.upper()}")
        second = latest_code(MARIE)
        assert len(mails(MARIE)) == 2
        if first != second:
            assert _verify(otp=first).status_code == 400
        assert _verify(otp=second).status_code == 200


def test_code_that_was_asked_for_is_made_when_it_is_mailed():
    make_user(email=MARIE, is_verified=False)
    _post(RESEND)(email=MARIE)

    assert OneTimeSecret.objects.count() == 0
    latest_code(MARIE)
    assert OneTimeSecret.objects.count() == 1


@pytest.mark.parametrize("who", ["verified", "shut out"])
def test_code_is_looked_for_whoever_has_the_address(who):
    make_user(email=MARIE, is_active=who == "verified")

    def statements(email):
        with CaptureQueriesContext(connection) as queries:
            assert _verify(email, "123456").status_code == 400
        return [query["sql"].split()[0] for query in queries]

    assert statements(MARIE) == statements("nobody@example.org")


@pytest.mark.parametrize("route", [REGISTER, RESEND, "/api/v1/auth/forgot-password/"])
def test_address_must_fit_as_it_is_stored(route):
    """Case folding makes two letters of one."""
    body = {"email": f"x@{'.'.join(['ß' * 40] * 5)}.com"}
    if route == REGISTER:
        body["password"] = PASSWORD
    answer = _post(route)(**body)

    assert answer.status_code == 400, answer.content
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("email", "max_length")]
    assert not Mail.objects.exists()


def test_exhausting_the_code_does_not_let_a_second_one_in():
    _register(password="Victim-pw-1")
    for number in range(6):
        _verify(otp=f"{(int(latest_code(MARIE)) + 1 + number) % 10**6:06d}")
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=True):
        _register(password="Attacker-pw-1")
        assert _verify(otp=latest_code(MARIE)).status_code == 200

    assert User.objects.get().has_usable_password() is False


def test_registration_and_its_mail_succeed_or_fail_together(monkeypatch):
    before = contents()

    def fail(**kwargs):
        raise RuntimeError

    monkeypatch.setattr(registration, "send_mail_later", fail)
    assert _register().status_code == 500
    assert contents() == before


def test_mail_server_that_is_down_fails_no_request(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    assert _register().status_code == 201
    mails()
    assert Mail.objects.get().attempts == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(timezone.now() + timedelta(seconds=15), tick=True):
        assert _verify(otp=latest_code(MARIE)).status_code == 200


def test_code_opens_no_session_where_a_second_factor_is_due(settings):
    settings.MFA_REQUIRED = True
    make_user(Role.STAFF, email=MARIE, is_verified=False)
    _post(RESEND)(email=MARIE)

    answer = _verify(otp=latest_code(MARIE))

    assert (answer.status_code, answer.json()["code"]) == (403, "mfa_setup_required")
    assert User.objects.get().is_verified is True
    assert TokenFamily.objects.count() == 0


def test_service_refuses_a_code_without_a_person():
    with pytest.raises(InvalidOtp):
        registration.verify_email(email="nobody@example.org", code="123456")
    assert django_mail.outbox == []


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_time_tells_nothing_about_an_address(settings):
    """300 people and 300 strangers in turns, with the real hash; the medians are printed."""
    settings.RATE_LIMIT_PER_MINUTE = 0
    people = [make_user().email for _number in range(300)]
    settings.PASSWORD_HASHERS = HASHERS
    for name, url in (("register", REGISTER), ("resend", RESEND), ("forgot", "/api/v1/auth/forgot-password/")):
        body = {"password": PASSWORD} if name == "register" else {}
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        for number, known in enumerate(people):
            for who, email in (("known", known), ("unknown", f"{name}{number}@example.com")):
                started = time.perf_counter()
                answer = _post(url)(email=email, **body)
                times[who].append((time.perf_counter() - started) * 1000)
                assert answer.status_code in (200, 201)
        medians = {who: median(each) for who, each in times.items()}
        print(f"{name}: known {medians['known']:.1f} ms, unknown {medians['unknown']:.1f} ms")  # noqa: T201
        assert 0.8 < medians["known"] / medians["unknown"] < 1.25
