from appointments.models.booking import Appointment, Notice
from appointments.models.calendars import CalendarFeed
from appointments.models.people import Practitioner, Specialty, VisitType
from appointments.models.schedules import TimeOff, WorkingHours
from appointments.models.waitlist import FreedSlot, WaitlistEntry, WaitlistOffer

__all__ = [
    "Appointment",
    "CalendarFeed",
    "FreedSlot",
    "Notice",
    "Practitioner",
    "Specialty",
    "TimeOff",
    "VisitType",
    "WaitlistEntry",
    "WaitlistOffer",
    "WorkingHours",
]
