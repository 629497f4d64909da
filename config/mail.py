"""The mail settings: printed to the log by default, SMTP by URL."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.env import env

_CONSOLE = {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
# Scheme → default port, STARTTLS, TLS from the first byte.
_SCHEMES = {
    "smtp": (25, False, False),
    "smtp+tls": (587, True, False),
    "smtps": (465, False, True),
}


def from_environment() -> dict[str, Any]:
    """Django's `EMAIL_…` settings from EMAIL_URL; EMAIL_PASSWORD, raw, wins over the one in the address."""
    url, password = env.str("EMAIL_URL", default=""), env.str("EMAIL_PASSWORD", default="")
    if not url or url == "console://":
        return dict(_CONSOLE)
    try:
        parts = urlsplit(url)
        port, starttls, tls = _SCHEMES[parts.scheme]
        port = parts.port or port
    except (KeyError, ValueError) as error:
        raise ImproperlyConfigured(
            "EMAIL_URL must be console://, or smtp://, smtp+tls:// (STARTTLS) or smtps:// (TLS) and "
            "user:password@host:port, user and password percent-encoded."
        ) from error
    if not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL names no host: smtp+tls://user:password@mail.example.org:587.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": password or unquote(parts.password or ""),
        "EMAIL_USE_TLS": starttls,
        "EMAIL_USE_SSL": tls,
    }
