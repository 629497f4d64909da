"""What every simulated service is made of: a route table, a lock, a journal, faults, options, an outbox."""

import sys
import threading
import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from . import faults
from .callbacks import Outbox, Scheduler
from .config import SimulatorConfig
from .faults import FaultBoard
from .journal import Journal
from .wire import Answer, BadRequest, Request, Router, answer_json, duration, not_found


@dataclass(frozen=True, slots=True)
class Option:
    """Something known of the real service in several forms, switchable while it runs.

    `choices` lists the allowed values; None means a number of seconds.
    """

    default: Any
    choices: tuple[Any, ...] | None
    about: str

    def checked(self, name: str, value: Any) -> Any:
        if self.choices is None:
            return duration(value, name=name)
        for choice in self.choices:
            if type(value) is type(choice) and value == choice:
                return value
        raise BadRequest(f"{name}: one of {list(self.choices)} is expected")


class Service(ABC):
    """One outside service. A subclass gives its routes as methods that take a Request and the groups of their
    pattern and return an Answer; they run one at a time, under the service's lock."""

    name: ClassVar[str]
    title: ClassVar[str]
    base: ClassVar[str]
    routes: ClassVar[Router]
    control_routes: ClassVar[Router] = Router()
    option_table: ClassVar[dict[str, Option]] = {}

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        self.config = config
        self.scheduler = scheduler
        self.lock = threading.RLock()
        self.journal = Journal(config.journal_size, self.lock)
        self.faults = FaultBoard(self.name, self.lock)
        self.outbox = Outbox(scheduler, self.faults, self.journal, self.lock, timeout=config.callback_timeout)
        self.options = self.default_options()

    def default_options(self) -> dict[str, Any]:
        return {name: option.default for name, option in self.option_table.items()}

    def receive(self, request: Request) -> Answer:
        """Answers one call as the real service would, faults aside; the journal knows it before the caller does."""
        fault = self.faults.take(faults.CALL, request.path, request.method)
        if fault and fault.kind in faults.REPLACING:
            answer = self.answer_instead(fault, request)
        else:
            answer = self.dispatch(self.routes, request) or not_found(request)
            if fault:
                answer = faults.spoil(fault, answer)
        self.journal.record_call(request, answer)
        return answer

    def answer_instead(self, fault: faults.Fault, request: Request) -> Answer:
        """What a replacing fault answers; a service whose own errors have a shape gives them that."""
        return faults.answer_instead(fault, self.unauthorised)

    def dispatch(self, routes: Router, request: Request) -> Answer | None:
        found = routes.find(request.method, request.path)
        if found is None:
            return None
        name, arguments = found
        try:
            with self.lock:
                return getattr(self, name)(request, **arguments)
        except BadRequest:
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return answer_json(500, {"error": "simulator_bug"}, outcome="simulator bug")

    @abstractmethod
    def unauthorised(self) -> Answer:
        """The service's answer to a key that it does not know, or no longer."""

    def set_options(self, changes: dict[str, Any]) -> None:
        """Changes options. Raises BadRequest, and changes nothing, for an unknown name or value."""
        checked = {}
        for name, value in changes.items():
            if name not in self.option_table:
                raise BadRequest(f"unknown option: {name}")
            checked[name] = self.option_table[name].checked(name, value)
        with self.lock:
            self.options.update(checked)

    def reset(self) -> None:
        """Forgets everything that happened, faults and options included."""
        with self.lock:
            self.journal.clear()
            self.faults.clear()
            self.outbox.forget()
            self.options = self.default_options()
