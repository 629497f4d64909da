"""What every table of a merchant's has in common."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from marketplaces.exceptions import NoMerchant
from marketplaces.tenancy import current_scope


class TenantQuerySet(models.QuerySet[Any]):
    def _insert(self, objs: Iterable[models.Model], *args: Any, **kwargs: Any) -> Any:
        """The one door that `save`, `create` and `bulk_create` share: nobody writes for another merchant."""
        scope = current_scope()
        if scope is None or any(not scope.crosses and obj.merchant_id != scope.merchant_id for obj in objs):  # type: ignore[attr-defined]
            raise NoMerchant("a row is written for one merchant while another one, or none, is set")
        return super()._insert(objs, *args, **kwargs)  # type: ignore[misc]


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """The rows of the merchant who is set; all of them in `crossing`. Raises `NoMerchant` where nobody is."""

    def none(self) -> models.QuerySet[Any]:
        """Nothing is nobody's: what describes the API asks for it."""
        rows: models.QuerySet[Any] = self._queryset_class(self.model, using=self._db).none()
        return rows

    def get_queryset(self) -> models.QuerySet[Any]:
        scope = current_scope()
        if scope is None or (not scope.crosses and scope.merchant_id is None):
            raise NoMerchant(f"{self.model._meta.label}: no merchant is set (marketplaces.tenancy)")
        rows: models.QuerySet[Any] = super().get_queryset()
        return rows if scope.crosses else rows.filter(merchant_id=scope.merchant_id)


class TenantForeignKey(models.ForeignKey):
    """To another row of the same merchant: look-ups and joins name `merchant_id` too, so that the keys, which it
    leads, serve them. The constraint is the one of `tenant_tables.tenant_table`, over both columns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("db_constraint", False)
        kwargs.setdefault("db_index", False)
        super().__init__(*args, **kwargs)

    def get_extra_descriptor_filter(self, instance: Any) -> dict[str, Any]:
        return {"merchant_id": instance.merchant_id}

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        ours: Any
        theirs: Any
        ours, theirs = (model._meta.get_field("merchant") for model in (self.model, self.related_model))
        return Exact(Col(related_alias, ours), Col(alias, theirs))


class TenantModel(Timestamped):
    """A row of one merchant's. On PostgreSQL its key is (merchant_id, id): whatever looks for rows names both.

    Where the managers know the merchant, they do. Aggregates over groups name their columns (`values().annotate()`):
    Django would group by `id` alone, which is no key there.
    """

    merchant = models.ForeignKey(
        "marketplaces.Merchant",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("marchand"),
        db_index=False,
    )

    objects: models.Manager[Any] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._do_update(base_qs.filter(merchant_id=self.merchant_id), *args, **kwargs)
