"""The control API, `/control/{service}/…`: faults, journals and whatever a service adds to them.

Its own calls meet no fault and stand in no journal.
"""

from collections.abc import Mapping

from .faults import read_fault
from .pages import journal_page
from .service import Service
from .wire import Answer, BadRequest, Request, Router, answer_html, answer_json, control_object, not_found


class Control:
    """Answers the control calls of the services it is given."""

    routes = Router(
        ("GET", r"/journal", "journal"),
        ("GET", r"/faults", "list_faults"),
        ("POST", r"/faults", "add_fault"),
        ("DELETE", r"/faults", "clear_faults"),
        ("GET", r"/options", "list_options"),
        ("POST", r"/options", "set_options"),
        ("POST", r"/reset", "reset"),
    )

    def __init__(self, services: Mapping[str, Service]):
        self._services = services

    def answer(self, request: Request) -> Answer:
        """`request.path` is relative to `/control`."""
        name, _, rest = request.path.lstrip("/").partition("/")
        service = self._services.get(name)
        if service is None:
            return not_found(request)
        call = request.within("/" + rest)
        try:
            if found := self.routes.find(call.method, call.path):
                return getattr(self, found[0])(service, call)
            return service.dispatch(service.control_routes, call) or not_found(request)
        except BadRequest as error:
            return answer_json(400, {"error": "bad_request", "detail": str(error)})

    def journal(self, service: Service, request: Request) -> Answer:
        calls, callbacks = service.journal.calls(), service.journal.callbacks()
        if request.wants_html():
            return answer_html(200, journal_page(service.title, calls, callbacks))
        return answer_json(
            200, {"calls": [entry.shown() for entry in calls], "callbacks": [entry.shown() for entry in callbacks]}
        )

    def list_faults(self, service: Service, request: Request) -> Answer:
        return answer_json(200, {"faults": service.faults.active()})

    def add_fault(self, service: Service, request: Request) -> Answer:
        return answer_json(201, service.faults.add(**read_fault(request)).shown())

    def clear_faults(self, service: Service, request: Request) -> Answer:
        service.faults.clear()
        return answer_json(200, {"faults": []})

    def list_options(self, service: Service, request: Request) -> Answer:
        about = {
            name: {"choices": option.choices, "about": option.about} for name, option in service.option_table.items()
        }
        return answer_json(200, {"options": service.options, "about": about})

    def set_options(self, service: Service, request: Request) -> Answer:
        service.set_options(control_object(request, allowed=set(service.option_table)))
        return answer_json(200, {"options": service.options})

    def reset(self, service: Service, request: Request) -> Answer:
        service.reset()
        return answer_json(200, {"reset": service.name})
