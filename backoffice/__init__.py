"""The house seen by its staff: the admin, the roles, the demo. Sees every app; nobody imports it."""
