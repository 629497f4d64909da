"""Etsy's authorization code flow: PKCE instead of a secret, and a new refresh token each time, good for 90 days."""

from functools import cache
from urllib.parse import urlencode

from django.conf import settings

from common.http import Client
from marketplaces.channels.base import Seller
from marketplaces.channels.calls import fields, new_client, text, unclear
from marketplaces.channels.etsy import client
from marketplaces.channels.oauth import Tokens, asked

SCOPES = "listings_r listings_w listings_d transactions_r transactions_w shops_r"
_REFRESH_LIFE = 90 * 24 * 3600


@cache
def _client(url: str) -> Client:
    return new_client("etsy_oauth", url)


def redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}/api/v1/channels/etsy/callback"


class EtsyOAuth:
    def consent_url(self, *, state: str, challenge: str) -> str:
        asked_for = {
            "client_id": settings.ETSY_API_KEY,
            "response_type": "code",
            "redirect_uri": redirect_uri(),
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{settings.ETSY_CONSENT_URL}?{urlencode(asked_for)}"

    def exchange(self, code: str, *, verifier: str) -> Tokens:
        return self._post(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri(),
                "code_verifier": verifier,
            }
        )

    def refresh(self, refresh_token: str) -> Tokens:
        return self._post({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def account(self, tokens: Tokens) -> str:
        """The shop's number: without it nothing can be listed. Raises `ChannelError`."""
        seller = Seller(merchant_id=0, access_token=tokens.access_token)
        shop = text(fields(client.get(seller, "/users/me").body, reads=True).get("shop_id"), 20)
        if not shop.isdigit():
            raise unclear("no shop_id", reads=True)
        return shop

    def _post(self, form: dict[str, str]) -> Tokens:
        form = {"client_id": settings.ETSY_API_KEY, **form}
        endpoint = _client(settings.ETSY_TOKEN_URL)
        return asked(lambda: endpoint.post_form("", form), refresh_life=_REFRESH_LIFE)
