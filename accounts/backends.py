from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.emails import normalize_email
from accounts.models import User


class EmailBackend(ModelBackend):
    """Sign-in by e-mail in any case, for the API and the admin alike.

    Django's backend does the rest: the hash is computed for unknown addresses too.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        name = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if name is None or password is None:
            return None
        user = super().authenticate(request, username=normalize_email(name), password=password)
        return user if isinstance(user, User) else None
