from appointments.api.views.booking import AppointmentViewSet
from appointments.api.views.calendars import CalendarViewSet
from appointments.api.views.doctors import DoctorViewSet, FirstFreeView, SpecialtyViewSet
from appointments.api.views.waitlist import WaitlistViewSet

__all__ = [
    "AppointmentViewSet",
    "CalendarViewSet",
    "DoctorViewSet",
    "FirstFreeView",
    "SpecialtyViewSet",
    "WaitlistViewSet",
]
