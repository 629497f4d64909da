"""Who did what, when: the event log. Listens to every app; nobody imports it."""
