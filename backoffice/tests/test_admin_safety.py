"""What a hurried hand, a stale page, a second window or another site could do to money and rights through the admin."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import URLField
from django.test import Client, RequestFactory

from accounts.enums import Role
from accounts.models import Account, Approval, CreditEntry, Rate, User
from accounts.tests.factories import PASSWORD, balance, make_user
from accounts.tests.phones import give_phone
from audit.models import Event
from backoffice.tests.pages import model_admins, page, page_of, said
from backoffice.tests.world import make_approval, make_payment, make_rate, make_rate_payment, make_refund
from common.admin import once
from common.models import IdempotencyKey
from payments.enums import RefundStatus, Status
from payments.models import Payment, Refund
from reservations.tests.factories import make_reservation
from tests.threads import run_together

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]
ALREADY = "Cette demande est déjà partie une fois : ce qu'elle a changé se voit ci-dessous."
LATE = "Cette action n'est pas possible dans l'état actuel."
OWN_REQUEST = "Une autre personne doit en décider : c'est votre demande, ou c'est à votre profit."


def token_on(client: Client, address: str) -> str:
    """What the page that asks carries in its form."""
    found = re.search(r'name="once" value="([0-9a-f]{32})"', client.get(address).content.decode())
    assert found is not None
    return found[1]


def test_credits_are_given_once_however_often_the_page_is_sent(signed_in: SignedIn) -> None:
    patient, client = make_user(credits=10), signed_in(make_user(Role.STAFF))
    question = page_of(patient.account, "grant_credits")
    given = {"credits": 20, "reason": "geste", "once": token_on(client, question)}

    first, second, third = (client.post(question, given) for _click in range(3))

    assert [answer.url for answer in (first, second, third)] == [page_of(patient.account)] * 3
    assert said(second)[-1] == said(third)[-1] == ALREADY
    assert balance(patient) == 30
    assert Event.objects.filter(action="credits.grant", amount=20).count() == 1


@pytest.mark.parametrize("token", ["\x00", "x" * 32, "a" * 33, "A" * 32, "é", "", "٣" * 32])
def test_what_is_no_token_of_ours_stands_for_itself(signed_in: SignedIn, token: str) -> None:
    patient, client = make_user(credits=10), signed_in(make_user(Role.STAFF))
    given = {"credits": 20, "reason": "geste", "once": token}

    answers = [client.post(page_of(patient.account, "grant_credits"), given) for _click in range(2)]

    assert [answer.url for answer in answers] == [page_of(patient.account)] * 2
    assert balance(patient) == 50
    assert not IdempotencyKey.objects.exists()


def test_every_page_that_asks_is_another_question(signed_in: SignedIn) -> None:
    patient, client = make_user(credits=10), signed_in(make_user(Role.STAFF))
    question = page_of(patient.account, "grant_credits")

    for _page in range(2):
        client.post(question, {"credits": 20, "reason": "geste", "once": token_on(client, question)})

    assert balance(patient) == 50


def test_what_was_refused_may_be_sent_again_from_the_same_page(signed_in: SignedIn) -> None:
    patient, client = make_user(credits=10), signed_in(make_user(Role.STAFF))
    question = page_of(patient.account, "adjust_credits")
    token = token_on(client, question)

    too_much = client.post(question, {"credits": -20, "reason": "erreur", "once": token})
    client.post(question, {"credits": -5, "reason": "erreur", "once": token})

    assert said(too_much) == ["Le compte n'a pas assez de crédits."]
    assert balance(patient) == 5


def test_a_part_of_a_payment_is_not_requested_back_twice(signed_in: SignedIn) -> None:
    client, payment = signed_in(make_user(Role.STAFF)), make_rate_payment()
    question = page_of(payment, "request_refund")
    given = {"amount": 1_000, "reason": "geste", "once": token_on(client, question)}

    for _click in range(2):
        client.post(question, given)

    assert list(Refund.objects.values_list("amount", flat=True)) == [1_000]


def test_somebody_elses_token_is_not_mine(signed_in: SignedIn) -> None:
    patient, one, other = make_user(credits=10), signed_in(make_user(Role.STAFF)), signed_in(make_user(Role.STAFF))
    question = page_of(patient.account, "grant_credits")
    given = {"credits": 20, "reason": "geste", "once": token_on(one, question)}

    one.post(question, given)
    other.post(question, given)

    assert balance(patient) == 50


def _clicks(signed_in: SignedIn, patient: User, times: int) -> list[Any]:
    """The same page of the same person sent so often at the same moment, as separate requests."""
    staff = make_user(Role.STAFF)
    question = page_of(patient.account, "grant_credits")
    clients = [signed_in(staff) for _click in range(times)]
    given = {"credits": 20, "reason": "geste", "once": token_on(clients[0], question)}
    return run_together(times, lambda number: clients[number].post(question, given).status_code)


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_moment_give_once(signed_in: SignedIn) -> None:
    patient = make_user(credits=10)

    assert _clicks(signed_in, patient, 4) == [302] * 4
    assert balance(patient) == 30
    assert CreditEntry.objects.filter(account=patient.account, amount=20).count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_each_click_gives(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = make_user(credits=10)
    monkeypatch.setattr(once, "claim", lambda request: True)

    assert _clicks(signed_in, patient, 4) == [302] * 4
    assert balance(patient) == 90


def test_a_rate_is_given_and_noted_on_the_account(signed_in: SignedIn) -> None:
    patient, rate, client = make_user(credits=10), make_rate(), signed_in(make_user(Role.STAFF))
    question = page_of(patient.account, "give_rate")

    assert f"{rate.label} : 30 crédits" in client.get(question).content.decode()
    assert said(client.post(question, {"rate": rate.pk})) == ["Le forfait est donné."]

    account = Account.objects.get(user=patient)
    assert (account.credit, account.rate) == (40, rate)


def test_a_rate_that_was_withdrawn_meanwhile_is_not_given(signed_in: SignedIn) -> None:
    patient, rate, client = make_user(credits=10), make_rate(), signed_in(make_user(Role.STAFF))
    Rate.objects.filter(pk=rate.pk).update(is_active=False)

    for given in (rate.pk, 999_999, "x", ""):
        assert client.post(page_of(patient.account, "give_rate"), {"rate": given}).status_code == 200

    assert balance(patient) == 10


def test_a_stale_page_decides_nothing_a_second_time(signed_in: SignedIn) -> None:
    """Two people look at the same held payment; one dismisses it, the other one's page still offers to accept it."""
    one, other = signed_in(make_user(Role.STAFF)), signed_in(make_user(Role.STAFF))
    reservation = make_reservation()
    held = make_payment(reservation.user, purpose="reservation", purpose_id=reservation.public_id, status=Status.HELD)
    token = token_on(other, page_of(held, "accept_held"))

    one.post(page_of(held, "dismiss_held"))
    answer = other.post(page_of(held, "accept_held"), {"once": token})

    assert said(answer) == [LATE]
    assert Payment.objects.get(pk=held.pk).status == "failed"
    reservation.refresh_from_db()
    assert reservation.paid_at is None


def test_two_windows_of_one_person_are_one_pair_of_eyes(signed_in: SignedIn, settings: Any) -> None:
    settings.TWO_EYES_XAF = 1_000
    staff, payment = make_user(Role.STAFF), make_rate_payment()
    one, other = signed_in(staff), signed_in(staff)

    one.post(page_of(payment, "request_refund"), {"amount": 2_000, "reason": "geste"})
    approval = Approval.objects.get()
    answers = [window.post(page_of(approval, "approve")) for window in (one, other)]

    assert [said(answer)[-1] for answer in answers] == [OWN_REQUEST] * 2
    assert not Refund.objects.exists()


def test_who_lost_the_right_meanwhile_decides_no_more(signed_in: SignedIn) -> None:
    approval, decider = make_approval(make_user(credits=10)), make_user(Role.STAFF)
    client = signed_in(decider)
    token = token_on(client, page_of(approval, "approve"))

    decider.groups.clear()
    answer = client.post(page_of(approval, "approve"), {"once": token})

    assert answer.status_code == 403
    assert Approval.objects.get().status == "requested"


def test_a_session_that_somebody_planted_is_not_the_one_that_gets_in(client: Client) -> None:
    staff = make_user(Role.STAFF)
    client.get("/admin/login/")
    planted = client.session
    planted["planted"] = "yes"
    planted.save()
    client.cookies["sessionid"] = planted.session_key

    client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})

    assert client.session["_auth_user_id"] == str(staff.pk)
    assert client.session.session_key != planted.session_key
    thief = Client()
    thief.cookies["sessionid"] = planted.session_key
    assert thief.get("/admin/").status_code == 302


def test_who_signs_in_after_somebody_else_has_nothing_of_their_session(client: Client) -> None:
    first, second = make_user(Role.STAFF), make_user(Role.STAFF)
    client.force_login(first)
    kept = client.session
    kept["of the first"] = "secret"
    kept.save()

    client.post("/admin/login/", {"username": second.email, "password": PASSWORD})

    assert client.session["_auth_user_id"] == str(second.pk)
    assert "of the first" not in client.session


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "https://testserver@evil.example/",
        " //evil.example",
    ],
)
def test_sign_in_leads_to_no_other_site(client: Client, target: str) -> None:
    staff = make_user(Role.STAFF)

    answer = client.post(
        "/admin/login/", {"username": staff.email, "password": PASSWORD, "next": target}, query_params={"next": target}
    )

    assert (answer.status_code, answer.url) == (302, "/admin/")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example"])
def test_signing_out_leads_to_no_other_site(signed_in: SignedIn, target: str) -> None:
    answer = signed_in(make_user(Role.STAFF)).post("/admin/logout/", {"next": target}, query_params={"next": target})

    assert "evil" not in answer.headers.get("Location", "")


def test_no_page_may_be_framed_or_kept(signed_in: SignedIn) -> None:
    """Clicks cannot be stolen from a page that no other page shows; a shared computer keeps none."""
    client, refund = signed_in(make_user(Role.STAFF)), make_refund(RefundStatus.DUE)

    pages = ["/admin/", page(Payment, "changelist"), page_of(refund), page_of(refund, "approve"), "/admin/search/?s=a"]
    for address, browser in [*((each, client) for each in pages), ("/admin/login/", Client())]:
        answer = browser.get(address)
        assert (address, answer.status_code) == (address, 200)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_signing_in_from_another_site_is_refused() -> None:
    staff, client = make_user(Role.STAFF), Client(enforce_csrf_checks=True)

    answer = client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})

    assert answer.status_code == 403
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "term", ["' OR 1=1 --", "%", "\\", "%27%3B DROP TABLE accounts_user", "*:*", "a & b | !c", "🙂"]
)
def test_a_search_finds_what_it_says_and_not_everybody(signed_in: SignedIn, term: str) -> None:
    make_user()
    client = signed_in(make_user(Role.STAFF))

    for model in (User, Account, CreditEntry, Payment, Refund, Approval):
        answer = client.get(page(model, "changelist"), {"q": term})
        assert answer.status_code == 200
        assert answer.context["cl"].result_count == 0


@pytest.mark.parametrize("address", ["?q=<script>alert(1)</script>", "?status__exact=<script>alert(1)</script>"])
def test_what_was_typed_is_shown_as_text(signed_in: SignedIn, address: str) -> None:
    answer = signed_in(make_user(Role.STAFF)).get(page(Payment, "changelist") + address, follow=True)

    assert b"<script>alert(1)" not in answer.content


def test_no_page_makes_a_link_of_an_address_without_looking_at_it(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = make_user(Role.ADMIN)
    shown = []
    for _model, model_admin in model_admins():
        parts = [model_admin, *model_admin.get_inline_instances(request)]
        for part in parts:
            addresses = {field.name for field in part.model._meta.fields if isinstance(field, URLField)}
            shown += [f"{part}.{name}" for name in flatten_fieldsets(part.get_fieldsets(request)) if name in addresses]
    assert shown == []


def test_the_search_of_pages_shows_only_ones_own(signed_in: SignedIn) -> None:
    pharmacist, staff = make_user(Role.PHARMACIST), make_user(Role.STAFF)

    assert page(Payment, "changelist") in signed_in(staff).get("/admin/search/?s=paiement").content.decode()
    assert page(Payment, "changelist") not in signed_in(pharmacist).get("/admin/search/?s=paiement").content.decode()
    assert signed_in(None).get("/admin/search/?s=paiement").status_code == 302


def test_a_cookie_of_the_back_office_ends_with_the_day() -> None:
    staff, client = make_user(Role.STAFF), Client()
    phone, _codes = give_phone(staff)

    client.post("/admin/login/", {"username": staff.email, "password": PASSWORD, "otp": phone.code()})

    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 12 * 3600)
