import gc
import os

from config.databases import WEB_PROCESS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Web connections carry statement and lock time-outs; commands set their own.
os.environ.setdefault(WEB_PROCESS, "1")

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Query strings and forms are UTF-8.

    Django would decode them in any codec that the Content-Type names, `hex` too, and fail before the first middleware.
    """

    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            # `x*=nope''%41` (RFC 2231) names a codec that nobody has. Whoever asks the header again meets none.
            self.content_type, self.content_params = "", {}
            meta["CONTENT_TYPE"] = ""


application = get_wsgi_application()
application.request_class = Utf8Request

# What was loaded stays until the end: no collection needs to walk through it again, some 90 ms each time.
gc.collect()
gc.freeze()
