from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts.api import staff, views

router = SimpleRouter()
staff_router = SimpleRouter(use_regex_path=False)
staff_router.register("accounts", staff.AccountViewSet, basename="staff-account")
staff_router.register("approvals", staff.ApprovalViewSet, basename="approval")
router.register("account/entries", views.EntryViewSet, basename="account-entry")
router.register("rates", views.RateViewSet, basename="rate")
router.register("price-lists", views.PriceListViewSet, basename="price-list")

# Older clients know other addresses; the contract documents the first of each.
urlpatterns = [
    path("auth/login/", views.LoginView.as_view(), name="login"),
    *(path(f"auth/login/{alias}/", views.LoginView.as_view(schema=None)) for alias in ("json", "admin")),
    path("auth/me/", views.MeView.as_view(), name="me"),
    *(path(f"{alias}/", views.MeView.as_view(schema=None)) for alias in ("users/me", "auth/user/profile")),
    path("account/entries.csv", views.EntriesCSVView.as_view(), name="account-entries-csv"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("", include(router.urls)),
    path("", include(staff_router.urls)),
]
