"""eBay's authorization code flow: no PKCE, a client secret, and a refresh token that stays the same for 18 months."""

from base64 import b64encode
from urllib.parse import urlencode

from django.conf import settings

from marketplaces.channels.ebay.client import client
from marketplaces.channels.oauth import Tokens, asked

SCOPES = " ".join(
    f"https://api.ebay.com/oauth/api_scope/{name}" for name in ("sell.inventory", "sell.fulfillment", "sell.account")
)
_TOKEN = "/identity/v1/oauth2/token"
_REFRESH_LIFE = 47_304_000


class EbayOAuth:
    def consent_url(self, *, state: str, challenge: str) -> str:
        asked_for = {
            "client_id": settings.EBAY_CLIENT_ID,
            "response_type": "code",
            "redirect_uri": settings.EBAY_REDIRECT,
            "scope": SCOPES,
            "state": state,
        }
        return f"{settings.EBAY_CONSENT_URL}?{urlencode(asked_for)}"

    def exchange(self, code: str, *, verifier: str) -> Tokens:
        return self._post({"grant_type": "authorization_code", "code": code, "redirect_uri": settings.EBAY_REDIRECT})

    def refresh(self, refresh_token: str) -> Tokens:
        return self._post({"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": SCOPES})

    def account(self, tokens: Tokens) -> str:
        return ""

    def _post(self, form: dict[str, str]) -> Tokens:
        keys = b64encode(f"{settings.EBAY_CLIENT_ID}:{settings.EBAY_CLIENT_SECRET}".encode()).decode()
        headers = {"Authorization": f"Basic {keys}"}
        return asked(lambda: client().post_form(_TOKEN, form, headers=headers), refresh_life=_REFRESH_LIFE)
