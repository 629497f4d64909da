"""What the test of backups does on a database of its own, in a process with that database's settings.

`python -m tests.deployment.busy fill` makes a busy world and prints whom it knows; `sign-in EMAIL SECRET` prints how
the API answers that person.
"""

import json
import os
import sys

import django


def main(work: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    {"fill": _fill, "sign-in": _sign_in}[work](*arguments)


def _fill() -> None:
    from accounts.enums import Role
    from accounts.tests.factories import make_user
    from accounts.tests.phones import give_phone
    from backoffice.tests.world import make_world
    from common.context import acting
    from marketplaces.tests.factories import make_item, make_merchant

    with acting("command", "busy"):
        for _more in range(2):
            make_world()
            make_item(make_merchant())
        staff = make_user(Role.STAFF)
        phone, _codes = give_phone(staff)
    sys.stdout.write(json.dumps({"email": staff.email, "secret": phone.secret}))


def _sign_in(email: str, secret: str) -> None:
    from django.test import Client

    from accounts.tests.factories import PASSWORD
    from accounts.tests.phones import Phone

    given = {"email": email, "password": PASSWORD, "otp": Phone(secret).code(1)}
    answer = Client(headers={"Host": "127.0.0.1"}).post("/api/v1/auth/login/", given, content_type="application/json")
    sys.stdout.write(json.dumps({"status": answer.status_code, "role": answer.json().get("user", {}).get("role")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
