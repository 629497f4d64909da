"""Browsers that a merchant has added show a token of their own: `Authorization: Bearer ttp_…`."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from common.context import set_actor
from marketplaces.exceptions import DeviceRequired
from marketplaces.services import devices
from marketplaces.services.devices import Caller


@dataclass(frozen=True)
class Browser:
    """Nobody's account, but somebody."""

    pk: None = None
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True


class DeviceAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(f"{devices.PREFIX}_"):
            return None
        caller = devices.recognise(token.strip())
        if caller is None:
            raise exceptions.AuthenticationFailed
        set_actor("device", caller.device_id)
        return Browser(), caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="plugin"'


class DeviceScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = DeviceAuthentication
    name = "deviceToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def caller_of(request: Request) -> Caller:
    """The browser that asks. Raises `DeviceRequired` (403) for people."""
    if not isinstance(request.auth, Caller):
        raise DeviceRequired
    return request.auth
