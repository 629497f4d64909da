"""Where the OpenAPI document is served: apart from `schema`, which the settings name and which is loaded first."""

import threading
from typing import Any, ClassVar

from django.utils.translation import get_language
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request
from rest_framework.response import Response


class DocumentView(SpectacularJSONAPIView):
    """`/openapi.json`: the same for everybody, so it is made once a process and language.

    By one thread at a time: drf-spectacular loads what it knows of other packages at the first use, and a second thread
    would find that half loaded.
    """

    _making = threading.Lock()
    _documents: ClassVar[dict[str, Any]] = {}

    def _get_schema_response(self, request: Request) -> Response:
        language = get_language() or ""
        with self._making:
            if language not in self._documents:
                self._documents[language] = super()._get_schema_response(request).data
        return Response(self._documents[language], headers={"Content-Disposition": 'inline; filename="openapi.json"'})
