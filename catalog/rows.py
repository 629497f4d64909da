"""What imports hand to the services: one row each, whatever file it came from."""

from dataclasses import dataclass
from datetime import datetime

from catalog.enums import ProductKind
from common.money import XAF


@dataclass(frozen=True, slots=True)
class ProductRow:
    """`price` is in whole units of `currency`. Where the source does not know `category` or
    `prescription_required` they are None, and what is stored stays."""

    code: str
    label: str
    substance: str = ""
    form: str = ""
    category: str | None = None
    kind: ProductKind = ProductKind.MEDICINE
    prescription_required: bool | None = None
    price: int | None = None
    price_is_indicative: bool = False
    currency: str = XAF
    is_active: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class PharmacyRow:
    """`phones` are E.164; the position is in degrees. An approximate one never replaces an exact one."""

    code: str
    name: str
    town: str
    quarter: str = ""
    phones: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    position_is_approximate: bool = False
    hours: str = ""
    always_open: bool = False


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A turn of duty; `surcharge` is in whole units of `currency`."""

    pharmacy_code: str
    starts_at: datetime
    ends_at: datetime
    zone: str = ""
    surcharge: int = 0
    currency: str = XAF


@dataclass(frozen=True, slots=True)
class StockRow:
    """`price` is in whole units of `currency`; without one the product is shown but cannot be reserved."""

    pharmacy_code: str
    product_code: str
    quantity: int
    price: int | None
    observed_at: datetime
    currency: str = XAF


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one line of a file: why it, or a part of it, was left out."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.reason}"


@dataclass(frozen=True, slots=True)
class Counts:
    """What an upsert did to so many rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def changed(self) -> int:
        return self.created + self.updated

    def __str__(self) -> str:
        return f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged"


@dataclass(frozen=True, slots=True)
class StockSet:
    """What setting stock did. `overtaken` are the rows, by codes of pharmacy and product, whose stored count is newer:
    they stay as they are, and are among the unchanged."""

    counts: Counts
    overtaken: frozenset[tuple[str, str]] = frozenset()
