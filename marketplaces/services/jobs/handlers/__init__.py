"""One handler per kind of job."""

from marketplaces.enums import JobKind
from marketplaces.services.jobs.handlers.base import Ask, Handler, Onwards, Over
from marketplaces.services.jobs.handlers.messaging import Messages
from marketplaces.services.jobs.handlers.ordering import Orders
from marketplaces.services.jobs.handlers.publishing import Publish
from marketplaces.services.jobs.handlers.syncing import Sync
from marketplaces.services.jobs.handlers.updating import Update
from marketplaces.services.jobs.handlers.withdrawing import Withdraw

HANDLERS: dict[str, Handler] = {
    JobKind.PUBLISH: Publish(),
    JobKind.UPDATE: Update(),
    JobKind.DELETE: Withdraw(),
    JobKind.SYNC: Sync(),
    JobKind.ORDERS: Orders(),
    JobKind.MESSAGES: Messages(),
}

__all__ = ["HANDLERS", "Ask", "Handler", "Onwards", "Over"]
