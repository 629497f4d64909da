"""A web process of its own, for tests that kill it: sends one POST and stops at a named function.

`python -m payments.tests.web_process MODULE.FUNCTION TOKEN PATH BODY`; prints a line when it stands there.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

import django


def stand_still(*args: Any, **kwargs: Any) -> None:
    print("standing still", flush=True)  # noqa: T201
    time.sleep(600)


def main(where: str, token: str, path: str, body: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from rest_framework.test import APIClient

    module, _, function = where.rpartition(".")
    setattr(importlib.import_module(module), function, stand_still)
    client = APIClient(headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1"})
    client.post(path, json.loads(body), format="json", headers={"Idempotency-Key": "once"})


if __name__ == "__main__":
    main(*sys.argv[1:])
