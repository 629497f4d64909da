"""Buttons of an object's page that call a service: asked first, done by POST, refused with a sentence."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminBigIntegerFieldWidget,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from common.admin import once
from common.errors import DomainError, Invalid
from common.states import IllegalMove

_ANSWERED = _("Cette demande est déjà partie une fois : ce qu'elle a changé se voit ci-dessous.")

_WIDGETS: dict[type[forms.Field], type[forms.Widget]] = {
    forms.CharField: UnfoldAdminTextInputWidget,
    forms.IntegerField: UnfoldAdminBigIntegerFieldWidget,
    forms.ChoiceField: UnfoldAdminSelectWidget,
}


class ServiceForm(forms.Form):
    """What a service needs to be told; its cleaned values become the service's keyword arguments."""

    def __init__(self, data: Any = None, *, obj: Any, user: Any) -> None:
        super().__init__(data)
        self.obj, self.user = obj, user
        for field in self.fields.values():
            if isinstance(field, forms.MultipleChoiceField):
                field.widget = UnfoldAdminCheckboxSelectMultipleWidget(choices=field.choices)
                continue
            field.widget.attrs["class"] = _WIDGETS[type(field)]().attrs["class"]


def service_action(
    *,
    description: Any,
    question: Any,
    done: Any,
    permission: str,
    offered: Callable[[Any], bool],
    form_class: type[ServiceForm] = ServiceForm,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `method(self, request, obj, **given)` an action of the object's page (`actions_detail`).

    GET asks `question`, with the fields of `form_class`; POST calls the method and reports `done`, or the sentence that
    the method returns. `offered(obj)` says whether the object's state allows it: the button is there only then, and
    whoever comes too late is told so. An answer that is sent twice is carried out
    once. Afterwards the object's page follows, or the one that `next` in the address names.
    `permission` is a named permission, or `x` for the admin's own `has_x_permission(request, obj)`. It is checked here,
    not by unfold, whose system check looks named permissions up in a database that may not exist yet.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        def permitted(self: Any, request: HttpRequest, obj: Any) -> bool:
            if "." in permission:
                return request.user.has_perm(permission)
            return bool(getattr(self, f"has_{permission}_permission")(request, obj))

        @action(
            description=description,
            url_path=method.__name__.replace("_", "-"),
            icon=icon,
            variant=variant,
        )
        @wraps(method)
        def view(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, unquote(object_id))
            if obj is None:
                return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            if not permitted(self, request, obj):
                raise PermissionDenied
            page = HttpResponseRedirect(
                _came_from(request)
                or reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(obj.pk,))
            )
            if not offered(obj):
                self.message_user(request, IllegalMove.detail, messages.ERROR)
                return page
            form = form_class(request.POST if request.method == "POST" else None, obj=obj, user=request.user)
            if form.is_valid():
                if not once.claim(request):
                    self.message_user(request, _ANSWERED, messages.WARNING)
                    return page
                try:
                    said = method(self, request, obj, **form.cleaned_data)
                except Invalid as error:
                    once.release(request)
                    for sentence in _sentences(error):
                        form.add_error(None, sentence)
                except DomainError as error:
                    once.release(request)
                    self.message_user(request, " ".join(_sentences(error)), messages.ERROR)
                    return page
                else:
                    self.message_user(request, said or done, messages.SUCCESS)
                    return page
            context = {
                **self.admin_site.each_context(request),
                "title": description,
                "subtitle": str(obj),
                "question": question,
                "original": obj,
                "opts": self.opts,
                "form": form,
                "once": once.new_token(),
                "is_dangerous": variant == ActionVariant.DANGER,
                "back": page.url,
                "is_popup": False,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)

        view.is_offered = lambda self, request, obj: offered(obj) and permitted(self, request, obj)
        return view

    return decorate


def _came_from(request: HttpRequest) -> str:
    """The page of this site that the button was on (`next`), where it was not the object's own."""
    target = request.GET.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def _sentences(error: DomainError) -> list[str]:
    return [str(item.detail) for item in error.errors] or [str(error.detail)]
