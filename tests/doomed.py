"""A web or worker process of its own that SIGKILL takes at a named boundary: `python -m tests.doomed BOUNDARY WORK …`.

WORK is `web TOKEN BODY` (POST /payments/) or `worker MESSAGE` (the task of a stored callback). With the boundary
`never` it lives; then whoever started it kills it from outside.
"""

import os
import signal
import sys
from typing import Any

import django
from django.utils.module_loading import import_string

# Boundary → what the process is about to do, or has just done, when it dies.
BOUNDARIES: dict[str, tuple[str, str, bool]] = {
    "before commit": ("payments.services.starting.payment_moved", "send", False),
    "after commit before the call": ("payments.providers.mypayga.client", "post_payment", False),
    "after the answer before the write": ("payments.services.starting", "record_start", False),
    "worker: before the question": ("payments.providers.mypayga.client", "get_verify", False),
    "worker: after the answer before the write": ("payments.services.callbacks", "settle", False),
    "worker: between write and grant": ("payments.services.settling", "move", True),
    "worker: after the grant before commit": ("payments.rates", "subscribe", True),
    "worker: after commit": ("payments.services.callbacks", "settle", True),
}


def main(boundary: str, work: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if boundary != "never":
        _doom(*BOUNDARIES[boundary])
    {"web": _web, "worker": _worker}[work](*arguments)


def _doom(target: str, name: str, after: bool) -> None:
    try:
        owner = __import__(target, fromlist=[name])
    except ModuleNotFoundError:
        owner = import_string(target)
    genuine = getattr(owner, name)

    def dies(*args: Any, **kwargs: Any) -> None:
        if after:
            genuine(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dies)


def _web(token: str, body: str) -> None:
    from rest_framework.test import APIClient

    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_IDEMPOTENCY_KEY="doomed", HTTP_HOST="127.0.0.1")
    client.post("/api/v1/payments/", body, content_type="application/json")


def _worker(message: str) -> None:
    from payments.tasks import process_callback

    process_callback.call(int(message))


if __name__ == "__main__":
    main(*sys.argv[1:])
