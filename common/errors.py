"""The one exception base of the house. Services raise it; `common.api.problems` turns it into an answer."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclasses.dataclass(frozen=True)
class FieldError:
    """One failing field or line: `field` is a dotted path such as `lines.0.quantity`."""

    field: str
    code: str
    detail: Any
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class DomainError(Exception):
    """A refusal that the caller can understand.

    `code` is stable and never translated; `status` is the HTTP status it becomes; `detail` says what to do next;
    `extra` are further members of the answer.
    """

    code = "refused"
    status = 400
    detail: Any = _("La demande est refusée.")

    def __init__(
        self,
        detail: Any = None,
        *,
        code: str | None = None,
        errors: Iterable[FieldError] = (),
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail if detail is not None else self.detail
        self.code = code or self.code
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        super().__init__(self.code)


class Invalid(DomainError):
    code = "invalid"
    detail = _("Certains champs sont invalides.")


class NotFound(DomainError):
    code = "not_found"
    status = 404
    detail = _("Introuvable.")


class Forbidden(DomainError):
    code = "permission_denied"
    status = 403
    detail = _("Vous n'avez pas le droit de faire cela.")


class Conflict(DomainError):
    code = "conflict"
    status = 409
    detail = _("L'état actuel ne le permet pas.")


class TooLarge(DomainError):
    code = "payload_too_large"
    status = 413
    detail = _("Le corps de la requête dépasse 256 ko.")


class RateLimited(DomainError):
    """Too often; `retry_after` is in seconds. Says nothing about whom the limit protects."""

    code = "rate_limited"
    status = 429
    detail = _("Trop de tentatives. Réessayez plus tard.")


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
    detail = _("Service momentanément indisponible. Réessayez dans quelques instants.")
