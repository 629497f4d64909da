"""Settings from the environment. Every one may also come from a file named by `NAME_FILE` (container secrets)."""

import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env(environ.Env):
    def get_value(self, var: str, cast: Any = None, **kwargs: Any) -> Any:
        """Texts are what they are: a password that begins with `$` is not the name of another variable."""
        if cast is str and var in self.ENVIRON:
            return self.ENVIRON[var]
        return super().get_value(var, cast=cast, **kwargs)


env = Env()

# What `.env.example` and the documentation show: never good enough for a real start.
PLACEHOLDERS = ("change-me", "changeme", "example", "insecure")


def load_files() -> None:
    """For every `NAME_FILE` set `NAME` to the file's content, without its last line break."""
    for name, path in list(os.environ.items()):
        if name.endswith("_FILE") and path and name.removesuffix("_FILE") in FILE_SETTINGS:
            try:
                os.environ[name.removesuffix("_FILE")] = Path(path).read_text(encoding="utf-8").rstrip("\n")
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", "not UTF-8")
                raise ImproperlyConfigured(
                    f"{name} names {path}, which cannot be read ({why}): create the file or unset {name}."
                ) from error


def secret(name: str, *, debug: bool, development: str, why: str) -> str:
    """A secret of at least 32 characters; a fixed one for development when DEBUG is on and none is given."""
    value = env.str(name, default="")
    if not value and debug:
        return development
    if not value:
        raise ImproperlyConfigured(
            f"{name} is missing: {why} Set {name} or {name}_FILE, e.g. to the output of `openssl rand -hex 32`."
        )
    unsafe = len(value) < 32 or any(word in value.lower() for word in PLACEHOLDERS)
    if unsafe and not debug:
        raise ImproperlyConfigured(
            f"{name} is unsafe (shorter than 32 characters, or a placeholder): {why} "
            f"Replace it, e.g. by the output of `openssl rand -hex 32`."
        )
    return str(value)


def required(name: str, *, debug: bool, development: str, what: str) -> str:
    """A setting without which nothing works outside of development."""
    value = env.str(name, default="")
    if value:
        return str(value)
    if debug:
        return development
    raise ImproperlyConfigured(f"{name} is missing: set it to {what}. `.env.example` shows every setting.")


def refuse_placeholders() -> None:
    """No secret may still be what `.env.example` shows, also where it is only a part of an address."""
    for name in sorted(FILE_SETTINGS):
        if PLACEHOLDERS[0] in env.str(name, default=""):
            raise ImproperlyConfigured(
                f"{name} still holds the placeholder of `.env.example`: put the real value into {name} or {name}_FILE."
            )


def ranges(name: str, value: str) -> dict[str, tuple[int, int]]:
    """`mypayga=100-500000,singpay=100-1000000` → each name with its least and its most."""
    found: dict[str, tuple[int, int]] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = re.fullmatch(r"([a-z0-9_]+)=([0-9]{1,12})-([0-9]{1,12})", part)
        if match is None or int(match[2]) > int(match[3]):
            raise ImproperlyConfigured(f"{name} holds {part!r}: write name=least-most, e.g. mypayga=100-500000.")
        found[match[1]] = (int(match[2]), int(match[3]))
    return found


def shares(name: str, value: str) -> dict[str, int]:
    """`mypayga=250,singpay=300` → each name with its share in hundredths of a per cent."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = re.fullmatch(r"([a-z0-9_]+)=([0-9]{1,5})", part)
        if match is None or int(match[2]) > 10_000:
            raise ImproperlyConfigured(f"{name} holds {part!r}: write name=share, e.g. mypayga=250 for 2.5 %.")
        found[match[1]] = int(match[2])
    return found


FILE_SETTINGS = frozenset(
    {
        "SECRET_KEY",
        "JWT_SIGNING_KEY",
        "JWT_PREVIOUS_KEYS",
        "ENCRYPTION_KEYS",
        "AUDIT_KEY",
        "AUDIT_PREVIOUS_KEYS",
        "AUDIT_SEAL_KEY",
        "DATABASE_URL",
        "DATABASE_PASSWORD",
        "DATABASE_OWNER_URL",
        "DATABASE_STAFF_URL",
        "CATALOG_DATABASE_URL",
        "CACHE_URL",
        "EMAIL_URL",
        "EMAIL_PASSWORD",
        "EPG_API_KEY",
        "MYPAYGA_API_KEY",
        "MYPAYGA_CALLBACK_SECRET",
        "SINGPAY_CLIENT_ID",
        "SINGPAY_CLIENT_SECRET",
        "SINGPAY_WALLET",
        "PAYMENTS_CALLBACK_TOKEN",
        "CHANNEL_KEYS",
        "EBAY_CLIENT_ID",
        "EBAY_CLIENT_SECRET",
        "ETSY_API_KEY",
        "VINTED_ACTIONS",
        "DEMO_PASSWORD",
    }
)
