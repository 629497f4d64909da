"""The public French medicines database becomes products."""

from dataclasses import dataclass, field
from pathlib import Path

from accounts.models import User
from catalog import bdpm
from catalog.progress import Progress, unseen
from catalog.rows import Counts, ProductRow, Remark
from catalog.services.products import import_products
from common.errors import Invalid


@dataclass(slots=True)
class BdpmReport:
    """Every presentation is either imported or left out; `remarks` say which lines and why."""

    presentations: int = 0
    without_price: int = 0
    counts: Counts = field(default_factory=Counts)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return sum(remark.file == bdpm.PRESENTATIONS for remark in self.remarks)


def import_bdpm(
    directory: Path,
    *,
    dry_run: bool = False,
    progress: Progress = unseen,
    by: User | None = None,
) -> BdpmReport:
    """Read the three files in `directory` into products and search entries, all or nothing.

    A dry run does the same and takes it back. Raises `Invalid` where a file is missing, empty or cut off.
    """
    if missing := bdpm.missing_files(directory):
        raise Invalid(f"{directory} lacks {', '.join(missing)}.", code="file_missing")
    if wrong := bdpm.incomplete_files(directory):
        raise Invalid(f"In {directory} {', '.join(wrong)}: fetch it again.", code="file_incomplete")
    report = BdpmReport(presentations=bdpm.count_presentations(directory))
    rows: list[ProductRow] = []
    for item in progress(bdpm.read_products(directory), report.presentations, "presentations"):
        if isinstance(item, Remark):
            report.remarks.append(item)
        else:
            rows.append(item)
            report.without_price += item.price is None
    report.counts = import_products(
        rows, source=bdpm.SOURCE, left_out=report.left_out, dry_run=dry_run, progress=progress, by=by
    )
    return report
