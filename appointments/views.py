"""The calendar feed: plain HTTP for calendar programmes, which know no bearer tokens."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import override

from appointments.calendar_file import CONTENT_TYPE, feed_file
from appointments.services.calendars import feed_of
from common.api.problems import not_found


def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The feed behind a secret address; 304 to whoever has it already, 404 where it was revoked or never was."""
    feed = feed_of(token) if request.method in ("GET", "HEAD") else None
    if feed is None:
        return not_found(request)
    with override(feed.user.language):
        content = feed_file(feed, timezone.now())
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response: HttpResponse
    if etag in known or "*" in known or f"W/{etag}" in known:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(content, content_type=CONTENT_TYPE)
        response.headers["Content-Disposition"] = 'inline; filename="toctocmedoc.ics"'
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response
