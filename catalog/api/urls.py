from django.urls import path
from rest_framework.routers import SimpleRouter

from catalog.api.alerts import AlertViewSet
from catalog.api.baskets import AvailabilityView
from catalog.api.views import PharmacyViewSet, ProductViewSet

# By number: what is none is not found. Codes have an expression of their own.
numbered = SimpleRouter(use_regex_path=False)
numbered.register("alerts", AlertViewSet, basename="alert")
router = SimpleRouter()
router.register("products", ProductViewSet, basename="product")
router.register("pharmacies", PharmacyViewSet, basename="pharmacy")

urlpatterns = [path("availability/", AvailabilityView.as_view()), *numbered.urls, *router.urls]
