"""Where products live: the database alias `catalog` where settings name one, otherwise with everything else."""

from typing import Any

from django.conf import settings
from django.db.models import Model

ALIAS = "catalog"


def products_live_apart() -> bool:
    """Whether products have a database of their own, which no transaction of ours reaches."""
    return ALIAS in settings.DATABASES


class CatalogRouter:
    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if products_live_apart() and model._meta.label_lower == "catalog.product" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """Products are made in their own database only, everything else in any but theirs."""
        if not products_live_apart():
            return None
        return (db == ALIAS) == ((app_label, model_name) == ("catalog", "product"))
