from django.urls import path
from rest_framework.routers import SimpleRouter

from catalog.api.alerts import AlertViewSet
from catalog.api.baskets import AvailabilityView
from catalog.api.views import PharmacyViewSet, ProductViewSet

router = SimpleRouter()
router.register("alerts", AlertViewSet, basename="alert")
router.register("products", ProductViewSet, basename="product")
router.register("pharmacies", PharmacyViewSet, basename="pharmacy")

urlpatterns = [path("availability/", AvailabilityView.as_view()), *router.urls]
