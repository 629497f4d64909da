"""Every kind of object that events name has a word for staff, and is found by its number."""

import ast
from pathlib import Path

from django.conf import settings

from audit.admin import _ENTITY_LABELS
from audit.reference_data import AUDITED

FOLDERS = ("audit", "backoffice", "marketplaces")


def _named() -> set[str]:
    """What stands as `entity="…"` in the code that writes events."""
    return {
        keyword.value.value
        for folder in FOLDERS
        for path in (Path(settings.BASE_DIR) / folder).rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "entity" and isinstance(keyword.value, ast.Constant)
    }


def test_every_kind_of_object_has_a_label() -> None:
    written = _named() | {str(model._meta.model_name) for model in AUDITED}

    assert {"reservation", "session"} < written
    assert written - set(_ENTITY_LABELS) == set()
