"""Specialties, doctors, schedules, slots, bookings and the waitlist."""
