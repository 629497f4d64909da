from django.urls import include, path
from rest_framework.routers import SimpleRouter

from audit.api import views

router = SimpleRouter()
router.register("events", views.EventViewSet, basename="event")
router.register("me/events", views.MyEventViewSet, basename="my-event")

urlpatterns = [path("", include(router.urls))]
