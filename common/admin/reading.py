"""Who looks at whose page: announced once the answer is on its way, so that no page waits for it.

An admin of rows that are somebody's says whose with `person_path`; pages beside the admin's own call `page_was_read`
and `list_was_read` themselves.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase

from common.context import acting, current
from common.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

page_read = Signal()
"""Somebody has seen a person's page. `person_id` (None where nobody knows whose it is), `page` (`reservation`),
`object_id` (the object's public id, else its key)."""

list_read = Signal()
"""Somebody has seen a list of people's rows. `page`, `filters` (names and values of the list's own filters, and the
number of the page), `personal` (what was typed: search terms and look-ups of the address)."""


def page_was_read(
    request: HttpRequest, response: HttpResponseBase, *, model: type[Model], person: Callable[[], int | None], obj: Any
) -> None:
    """Announce that `obj` was looked at, unless the answer is a refusal or a redirection. `person` is asked later."""

    def announce() -> None:
        number = getattr(obj, "public_id", None) or obj.pk
        page_read.send(model, person_id=person(), page=model._meta.model_name, object_id=str(number))

    _after(request, response, announce)


def list_was_read(
    request: HttpRequest,
    response: HttpResponseBase,
    *,
    model: type[Model],
    page: str = "",
    filters: Mapping[str, Any],
    personal: Mapping[str, Any],
) -> None:
    """Announce that a list was looked at, unless the answer is a refusal or a redirection."""

    def announce() -> None:
        list_read.send(model, page=page or model._meta.model_name, filters=filters, personal=personal)

    _after(request, response, announce)


def _after(request: HttpRequest, response: HttpResponseBase, announce: Callable[[], None]) -> None:
    """Run it when the server has sent the answer; by then the request's context is gone, so it is kept."""
    if request.method != "GET" or response.status_code != 200:
        return
    seen = current()

    def close() -> None:
        try:
            with (
                acting(
                    seen.actor.kind,
                    seen.actor.id,
                    request_id=seen.request_id,
                    ip=seen.ip,
                    user_agent=seen.user_agent,
                ),
                unit_of_work(),
            ):
                announce()
        except Exception:
            logger.exception("a reading was not written down", extra={"path": request.path})

    response._resource_closers.append(close)
