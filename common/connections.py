"""Database connections around calls to other services."""

from django.db import connection


def release_connection() -> None:
    """Give the connection back before waiting for another service: a waiting request must not hold one.

    Inside a transaction (only tests call services so) there is nothing to give back.
    """
    if not connection.in_atomic_block:
        connection.close()
