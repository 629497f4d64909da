"""The English catalogue: complete, compiled, and what an API client is answered in."""

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django"
PACKAGES = [
    "common",
    "accounts",
    "catalog",
    "payments",
    "reservations",
    "appointments",
    "audit",
    "legacy",
    "backoffice",
    "config",
]
# What the calls are named in this code base, with the number of their arguments that are texts.
CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2}
# Whatever must survive a translation: `%(code)s`, `%d`, `{max}`, `<a href="…">`.
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}|</?\w[^>]*>")


@dataclass(frozen=True)
class Entry:
    """One message: its French (twice where it has a plural) and as many English texts."""

    french: tuple[str, ...]
    english: tuple[str, ...]
    is_fuzzy: bool

    def as_compiled(self) -> dict[Any, str]:
        """In the shape of `GNUTranslations`: by text, or by text and number of the plural form."""
        if len(self.french) == 1:
            return {self.french[0]: self.english[0]}
        return {(self.french[0], form): text for form, text in enumerate(self.english)}


def entries() -> list[Entry]:
    """The messages of the .po file without its header."""
    blocks = CATALOGUE.with_suffix(".po").read_text(encoding="utf-8").split("\n\n")
    return [entry for block in blocks if (entry := _entry(block)).french != ("",)]


def _entry(block: str) -> Entry:
    texts: dict[str, str] = {}
    for keyword, quoted in re.findall(r'^(msg[a-z_]+(?:\[\d\])?) ((?:".*"\n?)+)', block, re.MULTILINE):
        texts[keyword] = "".join(ast.literal_eval(line) for line in quoted.splitlines())
    # A context would be part of the key; no text of ours needs one.
    assert "msgctxt" not in texts, block
    return Entry(
        french=tuple(texts[keyword] for keyword in ("msgid", "msgid_plural") if keyword in texts),
        english=tuple(text for keyword, text in texts.items() if keyword.startswith("msgstr")),
        is_fuzzy=re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE) is not None,
    )


def python_texts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            for argument in node.args[: CALLS.get(name, 0)]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def template_texts(source: str) -> Iterator[str]:
    """`templatize` turns tags into the gettext calls that are collected from a template."""
    for literal in re.findall(r"\bgettext\(u?('.*?'|\".*?\")\) ", templatize(source), re.DOTALL):
        yield ast.literal_eval(literal)


def python_files() -> list[Path]:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [path for path in files if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)]


def test_every_message_has_its_english() -> None:
    assert entries()
    assert [entry.french[0] for entry in entries() if not all(entry.english)] == []


def test_no_message_is_fuzzy() -> None:
    assert [entry.french[0] for entry in entries() if entry.is_fuzzy] == []
    assert "fuzzy" not in CATALOGUE.with_suffix(".po").read_text(encoding="utf-8").split("\n\n")[0]


def test_compiled_catalogue_says_the_same() -> None:
    written = {key: text for entry in entries() for key, text in entry.as_compiled().items()}
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    del compiled[""]
    assert compiled == written


def test_placeholders_survive_translation() -> None:
    changed = [
        (entry.french[min(form, len(entry.french) - 1)], text)
        for entry in entries()
        for form, text in enumerate(entry.english)
        if set(PLACEHOLDER.findall(entry.french[min(form, len(entry.french) - 1)])) != set(PLACEHOLDER.findall(text))
    ]
    assert changed == []


def test_every_text_of_the_code_is_in_the_catalogue() -> None:
    known = {french for entry in entries() for french in entry.french}
    texts = {text: path for path in python_files() for text in python_texts(path.read_text(encoding="utf-8"))}
    assert len(texts) > 100
    assert {text: str(path) for text, path in texts.items() if text not in known} == {}


def test_every_text_of_the_templates_is_in_the_catalogue() -> None:
    known = {french for entry in entries() for french in entry.french}
    files = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    texts = {text: path for path in files for text in template_texts(path.read_text(encoding="utf-8"))}
    assert texts
    assert {text: str(path) for text, path in texts.items() if text not in known} == {}


@pytest.mark.django_db
def test_api_error_is_english_on_request_under_the_same_code() -> None:
    # What a request activates stays active in its thread; the tests after this one expect French.
    with override(settings.LANGUAGE_CODE):
        refusals = {
            language: Client(headers={"Accept-Language": language}).post(
                "/api/v1/auth/login/",
                {"email": "nobody@example.org", "password": "wrong"},
                content_type="application/json",
            )
            for language in ("fr", "en")
        }
    assert {language: (answer.status_code, answer.json()["code"]) for language, answer in refusals.items()} == {
        "fr": (401, "invalid_credentials"),
        "en": (401, "invalid_credentials"),
    }
    assert {language: answer.json()["detail"] for language, answer in refusals.items()} == {
        "fr": "Adresse e-mail ou mot de passe incorrect.",
        "en": "Incorrect email address or password. Check them and try again.",
    }
    assert {language: answer.headers["Content-Language"] for language, answer in refusals.items()} == {
        "fr": "fr",
        "en": "en",
    }
