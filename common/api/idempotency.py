"""The `Idempotency-Key` of unsafe routes as one decorator for view methods."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from common import idempotency
from common.api.problems import CONTENT_TYPE, problem, to_domain_error
from common.unit_of_work import retry_deadlocks, unit_of_work

HEADER = "HTTP_IDEMPOTENCY_KEY"


@dataclass(frozen=True)
class CallOutside:
    """What a view method returns when an outside service must be called after its intent is committed.

    `provisional` is the answer should this process die now; `finish` calls and returns the final one.
    """

    provisional: Response
    finish: Callable[[], Response]


ViewMethod = Callable[..., Response | CallOutside]


def idempotent(*, required: bool, look: str = "") -> Callable[[ViewMethod], Callable[..., Response]]:
    """Run a view method once per user and key, in one transaction with its stored answer.

    With `required`, a request without the header is 400 `idempotency_key_required`; otherwise it is merely honoured.
    What a view names in `idempotency_headers` belongs to the request as its path does.
    `look` names a method of the view that is called with the same arguments before the transaction begins, so that it
    may wait for other services: what it returns is handed on as `looked`. It must change nothing: a repeat that comes
    meanwhile looks too, and then gets the stored answer.
    """

    def decorate(method: ViewMethod) -> Callable[..., Response]:
        @functools.wraps(method)
        def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            header = request.META.get(HEADER)
            if header is None and not required:
                if look:
                    kwargs["looked"] = getattr(view, look)(request, *args, **kwargs)
                with unit_of_work():
                    result = method(view, request, *args, **kwargs)
                return result.finish() if isinstance(result, CallOutside) else result
            key = idempotency.validate_key(header)
            work = functools.partial(method, view, request, *args, **kwargs)
            if not look:
                return _run_once(key, _target(view, request), request, work)
            looks = functools.partial(getattr(view, look), request, *args, **kwargs)
            return _run_once(key, _target(view, request), request, work, look=looks)

        wrapper.idempotency_required = required  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _target(view: Any, request: Request) -> str:
    """What the request is about: its path, and the headers that this view reads beside it."""
    names = getattr(view, "idempotency_headers", ())
    return request.path.rstrip("/") + "".join(f"\n{name}: {request.headers.get(name, '')}" for name in names)


def _run_once(
    key: str,
    target: str,
    request: Request,
    work: Callable[..., Response | CallOutside],
    look: Callable[[], Any] | None = None,
) -> Response:
    user_id: int = request.user.pk
    print_ = idempotency.fingerprint(str(request.method), target, request.data)

    looked: dict[str, Any] = {}
    lease = None

    def work_and_store() -> Response | CallOutside:
        nonlocal lease
        with unit_of_work():
            result = work(**looked)
            outside = isinstance(result, CallOutside)
            answer = result.provisional if isinstance(result, CallOutside) else result
            lease = idempotency.store(user_id, key, print_, _stored(answer), leased=outside)
        return result

    try:
        if look is not None:
            answered = idempotency.find(user_id, key, print_)
            if answered is not None:
                return _replay(answered)
            looked["looked"] = look()
        result = retry_deadlocks(work_and_store)
    except Exception as exc:
        # Whatever stopped it: if the same request was answered before, that answer is the answer.
        stored = idempotency.find(user_id, key, print_)
        if stored is not None:
            return _replay(stored)
        error = to_domain_error(exc)
        if error.status in idempotency.STORED_REFUSALS:
            refusal = idempotency.StoredAnswer(error.status, problem(error))
            idempotency.store_refusal(user_id, key, print_, refusal)
        raise
    if not isinstance(result, CallOutside):
        return result
    final = result.finish()
    idempotency.replace(user_id, key, _stored(final), lease=lease)
    return final


def _replay(stored: idempotency.StoredAnswer) -> Response:
    return Response(
        stored.body,
        status=stored.status,
        headers={"Idempotent-Replayed": "true"},
        content_type=CONTENT_TYPE if stored.status >= 400 else None,
    )


def _stored(response: Response) -> idempotency.StoredAnswer:
    return idempotency.StoredAnswer(response.status_code, response.data)
