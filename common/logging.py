"""Structured logs: every line carries the request id and the actor of its context."""

import logging

from common.context import current


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        context = current()
        record.request_id = context.request_id or None
        record.actor = f"{context.actor.kind}:{context.actor.id}".rstrip(":")
        return True
