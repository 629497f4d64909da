"""The old ways to credit or rights: tried, they change nothing and are events."""

from typing import Any

from rest_framework.request import Request

from audit.enums import Action
from audit.models import Event
from audit.services import record
from common.api.throttling import count_anonymous

NOT_STAFF = "not_staff"
NOT_THEIRS = "not_theirs"
ROLE_IGNORED = "role_ignored"
NOT_A_SPEND = "not_a_spend"
INSUFFICIENT = "insufficient_credits"
SINGPAY_REDIRECT = "singpay_redirect"
_LONGEST_ID = Event._meta.get_field("entity_id").max_length


def note(request: Request, reason: str, *, entity: str = "legacy", entity_id: object = "", **details: Any) -> None:
    """Write down what was refused. Whoever is not signed in is counted first: raises `RateLimited` (429)."""
    if not request.user.is_authenticated:
        count_anonymous()
    changes = {"reason": reason, "method": request.method, "route": _route(request), **details}
    # A number in an address may be longer than any that a row has.
    record(Action.LEGACY_REFUSED, entity=entity, entity_id=str(entity_id)[:_LONGEST_ID], changes=changes)


def _route(request: Request) -> str:
    """The pattern and not the path, which may name somebody."""
    match = request.resolver_match
    return match.route if match else ""
