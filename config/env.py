"""Settings from the environment. Every one may also come from a file named by `NAME_FILE` (container secrets)."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

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
        "CATALOG_DATABASE_URL",
        "CACHE_URL",
        "EMAIL_URL",
        "EMAIL_PASSWORD",
        "MYPAYGA_API_KEY",
        "MYPAYGA_CALLBACK_SECRET",
        "SINGPAY_CLIENT_ID",
        "SINGPAY_CLIENT_SECRET",
        "SINGPAY_WALLET",
        "PAYMENTS_CALLBACK_TOKEN",
        "DEMO_PASSWORD",
    }
)
