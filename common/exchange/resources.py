"""What the columns of a file mean. Reading and showing cells is django-import-export's part, by fields and widgets;
writing is a service's: the library would save models one by one, past the journal, the locks and the history.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

from common.exchange.reports import Line, Report

Key = Hashable
Values = dict[str, Any]


class Column(Widget):
    """A cell: `read(text)` makes a value of it, raising ValueError with a sentence; `show` writes one."""

    def __init__(self, read: Callable[[str], Any], show: Callable[[Any], Any] = lambda value: value) -> None:
        super().__init__(coerce_to_string=False)
        self.read, self.show = read, show

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return self.read(value)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return "" if value is None else self.show(value)


class ServiceResource(Resource):
    """Rows of one table as lines of a file.

    Subclasses declare import-export `Field`s in the order of the file's columns, name those that an import `required`,
    and the permissions of who imports: `change_permission`, and `add_permission` where lines become rows that are new.
    """

    name = ""
    title: Any = ""
    required: Sequence[str] = ()
    # Columns that name a row: a line that repeats them is refused. None where a later line may say more of the same.
    key_columns: Sequence[str] = ()
    change_permission = ""
    add_permission = ""
    view_permission = ""
    # Whether rows and the job that counts them share a transaction.
    is_atomic = True

    @property
    def columns(self) -> list[str]:
        return list(map(str, self.get_export_headers()))

    def rows(self) -> Iterator[Any]:
        """Every object that an export tells."""
        raise NotImplementedError

    def exported(self) -> Iterator[list[Any]]:
        return (self.export_resource(obj) for obj in self.rows())

    def import_lines(self, lines: Sequence[Line], *, dry_run: bool, may_add: bool, source: str, by: Any) -> Report:
        """Make the rows what these lines say, all by one service; a dry run only tells.

        Lines that cannot be are refused one by one, with a sentence, and the others go in.
        """
        raise NotImplementedError


class RowResource(ServiceResource):
    """A line is a row with a key. An empty cell leaves what is stored."""

    def read_key(self, cells: Values) -> Key:
        """The key of a line whose cells are read. What is stored under it is found by `stored`."""
        raise NotImplementedError

    def stored(self, keys: Sequence[Key]) -> dict[Key, Values]:
        """What is there now, by column, of those among the keys that exist."""
        raise NotImplementedError

    def refuse(self, keys: Sequence[Key]) -> dict[Key, str]:
        """Keys that no row may have, each with why."""
        return {}

    def missing(self, values: Values) -> str:
        """Why a new row cannot be made of these values; empty where it can."""
        return ""

    def wrong(self, values: Values) -> str:
        """Why no row may have these values together; empty where one may."""
        return ""

    def write(self, rows: Sequence[tuple[Key, Values]], *, source: str, left_out: int, by: Any) -> None:
        """Hand rows that are new or differ to the service. `values` has every column that is known."""
        raise NotImplementedError

    def named(self, key: Key) -> str:
        return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)

    def import_lines(self, lines: Sequence[Line], *, dry_run: bool, may_add: bool, source: str, by: Any) -> Report:
        report = Report()
        read = list(self._read(lines, report))
        keys = [key for _line, key, _given in read]
        stored, refused = self.stored(keys), self.refuse(keys)
        rows: list[tuple[Key, Values]] = []
        for line, key, given in read:
            old = stored.get(key)
            values = {**(old or {}), **given}
            reason = refused.get(key) or (self.missing(values) if old is None else "") or self.wrong(values)
            if not reason and old is None and not may_add:
                reason = _("Vous n'avez pas le droit d'ajouter des lignes.")
            if reason:
                report.refuse(line, reason)
            elif old is not None and all(old.get(name) == value for name, value in given.items()):
                report.unchanged += 1
            else:
                rows.append((key, values))
                report.created += old is None
                report.changes.append(self._told(key, old, given))
        if rows and not dry_run:
            self.write(rows, source=source, left_out=len(report.refused), by=by)
        return report

    def _read(self, lines: Iterable[Line], report: Report) -> Iterator[tuple[int, Key, Values]]:
        fields: list[Field] = list(self.get_import_fields())
        for line, cells in lines:
            try:
                given = {
                    field.column_name: field.clean(cells)
                    for field in fields
                    if not field.readonly and cells.get(field.column_name, "") != ""
                }
                if absent := [name for name in self.required if name not in given]:
                    raise ValueError(_("Il manque : %(names)s.") % {"names": ", ".join(absent)})
                yield line, self.read_key(given), given
            except ValueError as error:
                report.refuse(line, str(error))

    def _told(self, key: Key, old: Values | None, given: Values) -> str:
        if old is None:
            return _("%(row)s : nouvelle ligne") % {"row": self.named(key)}
        show = {field.column_name: field.widget.render for field in self.get_import_fields()}
        differing = [name for name, value in given.items() if old.get(name) != value]
        return f"{self.named(key)} : " + ", ".join(
            f"{name} {show[name](old.get(name)) or '–'} → {show[name](given[name])}"[:200] for name in differing
        )


_resources: dict[str, ServiceResource] = {}


def register(resource: type[ServiceResource]) -> None:
    """Registering a name again replaces it (autoreload)."""
    _resources[resource.name] = resource()


def find(name: str) -> ServiceResource | None:
    """For names that were written down before: what was registered then may be called otherwise now."""
    return _resources.get(name)


def get(name: str) -> ServiceResource:
    """Raises `KeyError` for a name that nobody registered."""
    return _resources[name]


def text(longest: int) -> Callable[[str], str]:
    """A reader of texts of so many characters, blanks in a row being one."""

    def read(cell: str) -> str:
        found = " ".join(cell.split())
        if len(found) > longest:
            raise ValueError(
                _("Plus de %(count)d caractères : « %(text)s… ».") % {"count": longest, "text": found[:40]}
            )
        return found

    return read


def yes_or_no(cell: str) -> bool:
    """Raises ValueError for what is neither."""
    said = cell.strip().casefold()
    if said in ("1", "oui", "o", "vrai", "true", "yes", "x"):
        return True
    if said in ("0", "non", "n", "faux", "false", "no"):
        return False
    raise ValueError(_("Oui ou non, et pas « %(text)s ».") % {"text": cell[:40]})


def shown_yes_or_no(value: bool) -> str:
    return "oui" if value else "non"


def currency(cell: str) -> str:
    """Three capital letters (ISO 4217)."""
    if len(cell) != 3 or not cell.isascii() or not cell.isupper():
        raise ValueError(_("Devise illisible."))
    return cell
