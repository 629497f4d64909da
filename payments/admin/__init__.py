"""Payments and refunds for staff: nothing is edited, decisions go through the services."""

from payments.admin import attempts, callbacks, payments, refunds

__all__ = ["attempts", "callbacks", "payments", "refunds"]
