"""What each role may do, to be read."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from common.admin import (
    ReadOnlyAdmin,
)

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """The groups' rights come from one table in the code, so that they can only be read here."""

    list_display = ("name",)
    ordering = ("name",)
    fields = ("name", "rights")

    @display(description=_("droits"))
    def rights(self, group: Group) -> str:
        names = group.permissions.values_list("content_type__app_label", "codename")
        return "\n".join(sorted(f"{app}.{codename}" for app, codename in names)) or "–"
