"""The admin's first page: what was done, what waits, whether the services answer."""
