"""Rights by name: a viewset says in one place which permission each action needs."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class NamedPermissions(BasePermission):
    """Reads `permission_names = {"list": "payments.view_refund", …}` of the view; an action without one is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action is None:
            return True  # The method does not exist here: 405, whoever asks.
        name = view.permission_names.get(view.action)
        return bool(name and request.user.is_authenticated and request.user.has_perm(name))
