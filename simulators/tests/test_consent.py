"""How a seller lets an application act: the consent page, codes, tokens, at eBay and at Etsy."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from simulators.oauth import Grants, OAuthRefusal, s256

BACK = "http://127.0.0.1:1/callback?x=1"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Application:
    def __init__(self, server, http, name):
        self.name, self._http = name, http
        self.control = f"{server.url}/control/{name}"
        root = f"{server.url}/{name}"
        scope = "https://api.ebay.com/oauth/api_scope/sell.inventory" if name == "ebay" else "listings_r listings_w"
        self.asked = {
            "client_id": "demo-ebay-client" if name == "ebay" else "demo-etsy-keystring",
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": scope,
            "state": "s-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        self.page = f"{root}/oauth2/authorize" if name == "ebay" else f"{root}/oauth/connect"
        self.endpoint = f"{root}/identity/v1/oauth2/token" if name == "ebay" else f"{root}/v3/public/oauth/token"
        self.auth = ("demo-ebay-client", "demo-ebay-secret") if name == "ebay" else None

    def consent(self, decision="agree", **changes):
        form = self.asked | {"account": "7", "decision": decision} | changes
        answer = self._http.post(self.page, data=form, allow_redirects=False)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def token(self, **form):
        if self.name == "etsy":
            form = {"client_id": "demo-etsy-keystring"} | form
        return self._http.post(self.endpoint, data=form, auth=self.auth)

    def exchange(self, code, **changes):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return self.token(**(form | changes))

    def refresh(self, token, **form):
        return self.token(grant_type="refresh_token", refresh_token=token, **form)


@pytest.fixture(params=["ebay", "etsy"])
def application(request, server, http):
    return Application(server, http, request.param)


def test_challenge_is_the_one_of_rfc_7636():
    assert s256(VERIFIER) == CHALLENGE


def test_page_shows_what_is_asked_for_and_sends_back_a_code(application, http):
    page = http.get(application.page, params=application.asked)

    assert page.status_code == 200
    for scope in application.asked["scope"].split():
        assert scope in page.text
    assert 'name="state" value="s-1"' in page.text
    back = application.consent()
    assert (back["state"], back["x"], set(back)) == ("s-1", "1", {"x", "state", "code"})


def test_seller_who_refuses_gives_no_code(application):
    assert application.consent("refuse") == {"x": "1", "error": "access_denied", "state": "s-1"}


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "x"}, {"response_type": "token"}, {"redirect_uri": "x"}, {"state": ""}, {"scope": "everything"}],
)
def test_request_that_cannot_be_shown_is_400(application, http, changes):
    answer = http.get(application.page, params=application.asked | changes)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_etsy_needs_a_challenge(server, http):
    etsy = Application(server, http, "etsy")

    answer = http.get(etsy.page, params=etsy.asked | {"code_challenge_method": "plain"})

    assert answer.status_code == 400


def test_code_is_good_once(application):
    code = application.consent()["code"]

    first, second = application.exchange(code), application.exchange(code)

    tokens = first.json()
    assert (first.status_code, tokens["expires_in"]) == (200, 7200 if application.name == "ebay" else 3600)
    assert tokens["access_token"].startswith("v^1.1" if application.name == "ebay" else "7.")
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_code_is_refused_to_whoever_does_not_fit(application):
    refused = [
        application.exchange("x"),
        application.exchange(application.consent()["code"], redirect_uri="http://127.0.0.1:1/"),
    ]
    if application.name == "etsy":
        refused.append(application.exchange(application.consent()["code"], code_verifier="x"))

    assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(400, "invalid_grant")}


def test_refresh_rotates_at_etsy_and_stays_at_ebay(application):
    old = application.exchange(application.consent()["code"]).json()

    new = application.refresh(old["refresh_token"]).json()
    again = application.refresh(old["refresh_token"])

    assert new["access_token"] != old["access_token"]
    if application.name == "ebay":
        assert "refresh_token" not in new
        assert again.status_code == 200
    else:
        assert new["refresh_token"] != old["refresh_token"]
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert application.refresh(new["refresh_token"]).status_code == 200


def test_application_that_is_not_known_gets_nothing(application, http):
    code = application.consent()["code"]
    application.auth = ("demo-ebay-client", "wrong")

    answer = application.exchange(code, **({"client_id": "wrong"} if application.name == "etsy" else {}))

    assert answer.json()["error"] == "invalid_client"
    assert answer.status_code == (401 if application.name == "ebay" else 400)


def test_other_grants_and_wider_scopes_are_refused(server, http):
    ebay = Application(server, http, "ebay")
    tokens = ebay.exchange(ebay.consent()["code"]).json()

    wider = ebay.refresh(tokens["refresh_token"], scope="https://api.ebay.com/oauth/api_scope/sell.account")

    assert wider.json()["error"] == "invalid_scope"
    assert ebay.token(grant_type="password").json()["error"] == "unsupported_grant_type"


def test_tokens_expire_by_time_and_by_control(application, http):
    tokens = application.exchange(application.consent()["code"]).json()

    ended = http.post(f"{application.control}/expire", json={"account": "7"}).json()
    assert ended == {"ended": 1}
    assert application.refresh(tokens["refresh_token"]).status_code == 200
    assert http.post(f"{application.control}/expire", json={"account": "7", "refresh": True}).json() == {"ended": 2}
    assert application.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    now = [0.0]
    grants = Grants(clock=lambda: now[0])
    pair = grants.pair("7", frozenset({"a"}), lives=(10, 100))
    assert grants.bearer(f"Bearer {pair.access_token}").account == "7"
    now[0] = 10
    assert grants.bearer(f"Bearer {pair.access_token}") is None
    now[0] = 100
    with pytest.raises(OAuthRefusal, match="expired"):
        grants.renew(pair.refresh_token, lives=(10, 100), rotate=True)


def test_expired_token_fault_at_the_endpoint_is_an_invalid_grant(application, http):
    http.post(f"{application.control}/faults", json={"fault": "expired_token", "count": 1})

    answer = application.refresh("x")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_journal_hides_codes_and_tokens(application, http):
    code = application.consent()["code"]
    tokens = application.exchange(code).json()
    application.refresh(tokens["refresh_token"])

    told = json.dumps(http.get(f"{application.control}/journal").json())

    assert "refresh_token" in told
    for secret in (code, tokens["refresh_token"], tokens["access_token"], VERIFIER):
        assert secret not in told
