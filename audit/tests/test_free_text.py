"""What somebody typed never stands in an event, which nobody can erase: by the source of the receivers."""

import ast
import typing
from collections.abc import Iterator
from types import ModuleType

from django.core.exceptions import FieldDoesNotExist
from django.db.models import CharField, Model, SlugField, TextField

from accounts.models import AccountReview
from appointments.models import Appointment
from audit import receivers
from audit.tests.service_graph import ROOT

# What a key is called that may hold somebody's own words, where the value is no field of a model.
_WORDS = {"reason", "note", "notes", "comment", "body", "message", "text", "label", "email", "phone", "name", "address"}
# Texts in `changes` that nobody types about anybody, and what they are.
_CODE, _NUMBER = "a code of ours", "another system's own number"
HARMLESS = {
    "approval_moved.currency": _CODE,
    "approval_moved.kind": _CODE,
    "approval_moved.subject": "the kind and the number of what it is about",
    "callback_received.digest": "a SHA-256",
    "callback_received.provider": _CODE,
    "callback_refused.reason": _CODE,
    "connection_moved.account": "the public name of a shop",
    "connection_moved.reason": _CODE,
    "epg_request_moved.number": _NUMBER,
    "epg_task_closed.number": _NUMBER,
    "file_moved.resource": _CODE,
    "foreign_linked.external_id": _NUMBER,
    "item_created.code": "the number of a product",
    "item_created.title": "what is offered to everybody",
    "item_refused.reason": _CODE,
    "job_moved.error": _CODE,
    "listing_moved.error": _CODE,
    "listing_moved.external_id": _NUMBER,
    "payment_moved.provider": _CODE,
    "payment_moved.purpose": _CODE,
    "payment_moved.purpose_id": "the number of what is paid",
    "payment_moved.reason": _CODE,
    "queue_stopped.reason": _CODE,
    "sessions_ended.reason": _CODE,
    "sign_in_failed.reason": _CODE,
}


def _modules() -> Iterator[tuple[str, ModuleType]]:
    for name in receivers.__all__:
        yield name, getattr(receivers, name)


def _entries(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """The keys of `changes` and their values, however the dictionary is put together."""
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == "changes":
            yield from _of_dicts(node.value)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            (target, *_others) = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(target, ast.Name) and target.id == "changes":
                yield from _of_dicts(node.value)
            elif isinstance(target, ast.Subscript) and ast.unparse(target.value) == "changes":
                yield ast.literal_eval(target.slice), node.value


def _of_dicts(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(value):
        if isinstance(node, ast.Dict):
            yield from ((ast.literal_eval(key), item) for key, item in zip(node.keys, node.values, strict=True) if key)


def _is_free_text(key: str, value: ast.expr, hints: dict[str, typing.Any]) -> bool:
    """A text field without choices, or what is none of a model's but is called like one."""
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        owner = hints.get(value.value.id)
        if isinstance(owner, type) and issubclass(owner, Model):
            try:
                field = owner._meta.get_field(value.attr)
            except FieldDoesNotExist:
                return key.split("_")[-1] in _WORDS
            return isinstance(field, (CharField, TextField)) and not isinstance(field, SlugField) and not field.choices
    return key.split("_")[-1] in _WORDS


def _found() -> set[str]:
    found = set()
    for name, module in _modules():
        for function in ast.parse((ROOT / f"audit/receivers/{name}.py").read_text()).body:
            if isinstance(function, ast.FunctionDef):
                hints = typing.get_type_hints(getattr(module, function.name))
                found |= {
                    f"{function.name}.{key}" for key, value in _entries(function) if _is_free_text(key, value, hints)
                }
    return found


def test_the_source_is_read_rightly() -> None:
    """What stood in an event once, and what a choice tells, which is nobody's words."""
    source = """
def changed(appointment, review, **kwargs):
    changes = {"old": 1}
    if appointment.overbooked:
        changes["overbook_reason"] = appointment.overbook_reason
    record(changes=changes | {"reason": review.reason, "why_note": typed})
"""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    hints = {"appointment": Appointment, "review": AccountReview}
    assert {key for key, value in _entries(function) if _is_free_text(key, value, hints)} == {
        "overbook_reason",
        "why_note",
    }


def test_every_text_in_an_event_is_known_to_be_nobodys_words() -> None:
    assert _found() == HARMLESS.keys()
