import ast
from pathlib import Path

import pytest
from django.utils import translation

from marketplaces import trouble
from marketplaces.models import ATTRIBUTES
from marketplaces.trouble import in_words

PACKAGE = Path(trouble.__file__).parent
# Said of an item that is refused, or with a field's name before it: no job and no listing shows them.
ELSEWHERE = {"category", "_unmapped"}


def _reasons() -> set[str]:
    """What `Result` and `ChannelError` are given as reason, wherever it is written out, and a listing as error."""
    found = {f"{name}_unmapped" for name in ("category", "condition") if name in ATTRIBUTES}
    for path in PACKAGE.rglob("*.py"):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg in ("reason", "error_code")]
            if isinstance(node.func, ast.Name) and node.func.id in ("ChannelError", "EbayRefusal"):
                given += node.args[1:2]
            for value in given:
                found |= {each.value for each in ast.walk(value) if isinstance(each, ast.Constant) and each.value}
    return {each for each in found if isinstance(each, str) and each.isidentifier()}


def test_every_reason_of_ours_has_words():
    reasons = _reasons()

    assert {"image_required", "no_answer", "settings_missing"} <= reasons
    assert {each for each in reasons if in_words(each, "") == each} == ELSEWHERE


@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", "Le canal refuse : corrigez ce qu'il dit, puis relancez."), ("en", "The channel refuses: put right what")],
)
def test_what_the_channel_said_stands_behind_our_words(language, words):
    with translation.override(language):
        assert in_words("refused", "25002: title too long").startswith(words)
        assert in_words("refused", "25002: title too long").endswith("(25002: title too long)")


def test_reason_that_only_the_channel_knows_is_what_it_said():
    assert in_words("policy_17", "not in this country") == "not in this country"
    assert in_words("policy_17", "") == "policy_17"
    assert in_words("", "") == ""
