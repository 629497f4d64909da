from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts.api import views

router = SimpleRouter()
router.register("account/entries", views.EntryViewSet, basename="account-entry")
router.register("rates", views.RateViewSet, basename="rate")
router.register("price-lists", views.PriceListViewSet, basename="price-list")

urlpatterns = [
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("", include(router.urls)),
]
