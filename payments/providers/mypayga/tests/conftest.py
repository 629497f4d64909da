"""The fixtures of `payments` serve here too."""

from payments.tests.conftest import _nobody_remembers, gateway

__all__ = ["_nobody_remembers", "gateway"]
