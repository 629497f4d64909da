"""Reading the settings of the sales channels."""

import json
import re
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.env import env, secret

PATHS = {
    "ebay": "marketplaces.channels.ebay.channel.Ebay",
    "etsy": "marketplaces.channels.etsy.channel.Etsy",
    "vinted": "marketplaces.channels.vinted.channel.Vinted",
}
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
ACTIONS = frozenset("publish update withdraw find sync orders fulfil messages".split())


def switched_on(names: list[str]) -> dict[str, str]:
    """Name → dotted path of a `marketplaces.channels.base.Channel`."""
    if unknown := set(names) - set(PATHS):
        named = ", ".join(sorted(unknown))
        raise ImproperlyConfigured(f"MARKETPLACE_CHANNELS names {named}: {', '.join(PATHS)} exist.")
    return {name: PATHS[name] for name in names}


def address(name: str, given: str, *, debug: bool, genuine: str, simulated: str) -> str:
    """An address of a channel: the one given, or its own, with DEBUG the simulator's."""
    value = (given or (simulated if debug else genuine)).rstrip("/")
    if not debug and not value.startswith("https://"):
        raise ImproperlyConfigured(f"{name} must begin with https:// outside of DEBUG: merchants' tokens go there.")
    return value


def keys(*, debug: bool, needed: bool) -> list[str]:
    """The keys of merchants' tokens, the first of which encrypts. No key, no start with a channel."""
    if not needed and not env.str("CHANNEL_KEYS", default=""):
        return []
    value = secret(
        "CHANNEL_KEYS",
        debug=debug,
        development="development-only-channel-key-0123456",
        why="it encrypts merchants' tokens (comma separated, the first one encrypts, all decrypt); without "
        "MARKETPLACE_CHANNELS none is needed.",
    )
    found = [each.strip() for each in value.split(",")]
    if any(len(each) < 32 for each in found):
        raise ImproperlyConfigured(
            "CHANNEL_KEYS is unsafe: each key has at least 32 characters, e.g. from `openssl rand -hex 32`."
        )
    return found


def rates(value: str) -> dict[str, Decimal]:
    """`EUR=655.957,USD=600` → units of CURRENCY for one unit of each."""
    found: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = re.fullmatch(r"([A-Z]{3})=([0-9]{1,9}(?:\.[0-9]{1,9})?)", part)
        if match is None or not Decimal(match[2]):
            raise ImproperlyConfigured(f"CHANNEL_RATES holds {part!r}: write currency=rate, e.g. EUR=655.957.")
        found[match[1]] = Decimal(match[2])
    return found


def actions(value: str) -> dict[str, dict[str, Any]]:
    """The requests of Vinted's site, as JSON: action → method, path and what `vinted/templates.py` describes."""
    if not value:
        return {}
    try:
        found = json.loads(value)
    except ValueError as error:
        raise ImproperlyConfigured("VINTED_ACTIONS is no JSON: docs/marketplaces.md shows one.") from error
    if not isinstance(found, dict) or not found.keys() <= ACTIONS or not all(map(_is_action, found.values())):
        named = ", ".join(sorted(ACTIONS))
        raise ImproperlyConfigured(
            f"VINTED_ACTIONS maps any of {named} to an object with method and path; a path begins with one /."
        )
    return found


def _is_action(action: Any) -> bool:
    if not isinstance(action, dict) or action.get("method") not in METHODS:
        return False
    path = action.get("path")
    return isinstance(path, str) and path.startswith("/") and not path.startswith("//")
