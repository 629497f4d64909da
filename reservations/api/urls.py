from django.urls import include, path
from rest_framework.routers import SimpleRouter

from reservations.api.views import ReservationViewSet

router = SimpleRouter(use_regex_path=False)
router.register("reservations", ReservationViewSet, basename="reservation")

urlpatterns = [path("", include(router.urls))]
