"""An authenticator application, as people have it on their phone."""

import base64
import time
from dataclasses import dataclass

from accounts import totp
from accounts.models import User
from accounts.services.second_factor import enrol_at_shell


@dataclass(frozen=True)
class Phone:
    """`secret` as it was typed or scanned."""

    secret: str

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many steps of 30 s from now."""
        return totp.code_of(base64.b32decode(self.secret), totp.step_at(time.time()) + steps)

    def wrong_code(self) -> str:
        """Six digits that it shows neither now, nor just before or after."""
        shown = {self.code(steps) for steps in (-2, -1, 0, 1, 2)}
        return next(code for code in map("{:06d}".format, range(10)) if code not in shown)


def give_phone(user: User) -> tuple[Phone, list[str]]:
    """`user` has a second factor from now on: their phone and their recovery codes."""
    enrolment, codes = enrol_at_shell(user)
    return Phone(enrolment.secret), codes
