from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.static import serve
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView

from accounts.api.sessions import jwks_document
from appointments.views import calendar
from backoffice.entrance import OwnPasswordView
from backoffice.people.views import find, person
from backoffice.queue_page import queue_page
from backoffice.second_factor import SecondFactorView
from common.api.document import DocumentView
from common.api.problems import not_found
from common.health import health, health_of

urlpatterns: list[URLPattern | URLResolver] = [
    # Before the admin's own, which would leave sessions of the API open.
    path("admin/password_change/", admin.site.admin_view(OwnPasswordView.as_view(), cacheable=True)),
    path("admin/second-factor/", SecondFactorView.as_view(), name="second_factor"),
    path("admin/people/<int:pk>/", admin.site.admin_view(person), name="person"),
    path("admin/find/", admin.site.admin_view(find), name="find"),
    path("admin/queues/<slug:name>/", admin.site.admin_view(queue_page), name="queue"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("catalog.api.urls")),
    path("api/v1/", include("payments.api.urls")),
    path("api/v1/", include("reservations.api.urls")),
    path("api/v1/", include("appointments.api.urls")),
    path("api/v1/", include("marketplaces.api.urls")),
    path("api/v1/", include("audit.api.urls")),
    path(".well-known/jwks.json", jwks_document),
    path("calendar/<str:token>.ics", calendar, name="calendar"),
    path("health", health),
    path("health/db", health_of, {"name": "database"}),
    path("health/redis", health_of, {"name": "cache"}),
    path("health/catalog", health_of, {"name": "catalog"}),
    path("health/epg", health_of, {"name": "epg"}),
    path("health/queue", health_of, {"name": "queue"}),
    path("openapi.json", DocumentView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("redoc", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
    # In production nginx serves it.
    *([path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT})] if settings.DEBUG else []),
    *([path("", include("legacy.urls"))] if settings.LEGACY_ROUTES else []),
    path("", include("backoffice.urls")),
    # Also with DEBUG an unknown address is problem details, not Django's HTML page.
    re_path(r"", not_found),
]

handler400 = "common.api.problems.bad_request"
handler404 = "common.api.problems.not_found"
handler500 = "common.api.problems.server_error"
