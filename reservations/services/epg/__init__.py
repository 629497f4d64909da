"""Reservations that EPG has the last word on: the intent commits, the call follows, its answer is recorded.

What nobody can tell is never asked for again (EPG knows no idempotency key, and no way to look): it becomes a task.
"""
