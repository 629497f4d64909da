"""What the database holds, to prove that a refusal changed nothing."""

from typing import Any

from django.apps import apps
from django.db.models import Model

from marketplaces.tenancy import crossing

OUR_APPS = ("common", "accounts", "catalog", "payments", "reservations", "appointments", "marketplaces", "audit")

LEFT_OUT = {"common.IdempotencyKey", "common.RateCounter", "accounts.TokenFamily"}

Contents = dict[str, list[tuple[Any, ...]]]


def our_models() -> list[type[Model]]:
    return [model for label in OUR_APPS for model in apps.get_app_config(label).get_models()]


def contents() -> Contents:
    """Every row of every table of ours, but for what a test's own sign-ins and refusals may leave."""
    with crossing():
        return {
            model._meta.label: list(model._default_manager.order_by("pk").values_list())
            for model in our_models()
            if model._meta.label not in LEFT_OUT
        }
