"""The fixtures of `payments` serve here too."""

from payments.tests.conftest import _nobody_remembers, singpay_gateway

__all__ = ["_nobody_remembers", "singpay_gateway"]
