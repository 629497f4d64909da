from django.urls import include, path
from rest_framework.routers import SimpleRouter

from appointments.api import views

router = SimpleRouter(use_regex_path=False)
router.register("specialties", views.SpecialtyViewSet, basename="specialty")
router.register("doctors", views.DoctorViewSet, basename="doctor")
router.register("appointments", views.AppointmentViewSet, basename="appointment")
router.register("waitlist", views.WaitlistViewSet, basename="waitlist")
router.register("calendars", views.CalendarViewSet, basename="calendar")

urlpatterns = [
    path("slots/", views.FirstFreeView.as_view(), name="slots"),
    path("", include(router.urls)),
]
