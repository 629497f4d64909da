"""A slot that is taken is answered with the next three that are free, looked up when the locks are gone."""

import functools
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from appointments.exceptions import SlotTaken
from appointments.selectors.free import alternatives
from appointments.services.conflicts import refusal_of


def offers_alternatives(method: Callable[..., Response]) -> Callable[..., Response]:
    """Outside of `@idempotent`, so that the transaction is rolled back by then. The view sets `wanted`:
    the doctor's and the visit type's key and the start."""

    @functools.wraps(method)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        view.wanted = None
        try:
            return method(view, request, *args, **kwargs)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None or view.wanted is None:
                raise
            if isinstance(refusal, SlotTaken):
                free = alternatives(*view.wanted)
                raise SlotTaken(
                    code=refusal.code, extra={"alternatives": [start.isoformat() for start in free]}
                ) from error
            raise refusal from error

    return wrapper
