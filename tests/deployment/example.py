"""`.env.example`: what it shows, and the same with a value in the place of every placeholder."""

import re
import secrets

from tests.deployment.container_files import PROJECT

EXAMPLE = (PROJECT / ".env.example").read_text()
PLACEHOLDER = "change-me"


def example_settings() -> dict[str, str]:
    """The lines of .env.example that production wants, placeholders included."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def filled() -> dict[str, str]:
    """The same with a random value in the place of every placeholder."""
    return {name: fill(value) for name, value in example_settings().items()}


def fill(text: str) -> str:
    return re.sub(PLACEHOLDER, lambda _: secrets.token_hex(32), text)


def settings_named() -> dict[str, str]:
    """Setting → value in .env.example, the commented ones included."""
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
