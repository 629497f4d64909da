"""Settings of the one project: everything that differs between machines comes from the environment.

`.env.example` names every setting with what it does. DEBUG gives safe-for-development defaults; without it a missing
or unsafe setting stops the start with a sentence that says what to do.
"""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from accounts.keys import load_keys
from config import channels, databases, mail
from config.env import env, load_files, ranges, refuse_placeholders, required, secret, shares

BASE_DIR = Path(__file__).resolve().parent.parent

env.read_env(BASE_DIR / ".env")
load_files()

DEBUG = env.bool("DEBUG", default=False)

# Secrets: three keys, because what they protect is rotated at different times.
SECRET_KEY = secret(
    "SECRET_KEY", debug=DEBUG, development="development-only-secret-key-0123456789", why="it signs staff sessions."
)
JWT_SIGNING_KEY = secret(
    "JWT_SIGNING_KEY", debug=DEBUG, development="development-only-jwt-key-01234567890", why="it signs access tokens."
)
JWT_ALGORITHM = env.str("JWT_ALGORITHM", default="HS256")
JWT_PREVIOUS_KEYS = env.str("JWT_PREVIOUS_KEYS", default="")
load_keys(JWT_ALGORITHM, JWT_SIGNING_KEY, JWT_PREVIOUS_KEYS)
ENCRYPTION_KEYS = secret(
    "ENCRYPTION_KEYS",
    debug=DEBUG,
    development="development-only-encryption-key-0123",
    why="it encrypts stored answers and second factors (comma separated, the first one encrypts, all decrypt).",
).split(",")
AUDIT_KEY = secret(
    "AUDIT_KEY", debug=DEBUG, development="development-only-audit-key-012345678", why="it proves events genuine."
)
# Earlier values of AUDIT_KEY: events written under them stay provable.
AUDIT_PREVIOUS_KEYS = env.list("AUDIT_PREVIOUS_KEYS", default=[])
AUDIT_SEAL_KEY = secret(
    "AUDIT_SEAL_KEY", debug=DEBUG, development="development-only-seal-key-0123456789", why="it signs the audit's seals."
)
# Public keys (hex) of earlier values of AUDIT_SEAL_KEY.
AUDIT_SEAL_PUBLIC_KEYS = env.list("AUDIT_SEAL_PUBLIC_KEYS", default=[])
# Where seals are sent: file:///path, mailto:address, or an https:// address that takes a POST; comma separated.
AUDIT_ANCHORS = env.list("AUDIT_ANCHORS", default=[])

# Where it stands
PUBLIC_URL = required(
    "PUBLIC_URL",
    debug=DEBUG,
    development=f"http://127.0.0.1:{env.int('PORT', default=8000)}",
    what="the address patients and gateways reach, e.g. https://api.example.org",
).rstrip("/")
if not DEBUG and not PUBLIC_URL.startswith("https://"):
    raise ImproperlyConfigured("PUBLIC_URL must begin with https:// outside of DEBUG: it is where gateways call back.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
if not ALLOWED_HOSTS:
    ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or ""]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_EXPOSE_HEADERS = ["Idempotent-Replayed", "Retry-After", "X-Request-ID"]
CORS_ALLOW_HEADERS = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "idempotency-key",
    "x-request-id",
    "x-merchant",
    "x-requested-with",
]
# Those origins, each by its name, may send the refresh cookie.
CORS_ALLOW_CREDENTIALS = True
# Reverse proxies of ours in front; 0 = none, X-Forwarded-For is then ignored.
NUM_PROXIES = env.int("NUM_PROXIES", default=0)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var")))

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tasks",
    "django_tasks_db",
    "simulators",
    # From the bottom of the house to its roof: what runs after a migration finds everything below it in place.
    "common",
    "accounts",
    "catalog",
    "payments",
    "reservations",
    "appointments",
    "marketplaces",
    "audit",
    "legacy",
    "backoffice",
]

MIDDLEWARE = [
    "common.middleware.ContextMiddleware",
    # Around CORS: the old sites are other origins under other rules.
    "legacy.middleware.LegacyMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before everything that may refuse: a thread still speaks the language of its last request.
    "django.middleware.locale.LocaleMiddleware",
    "common.middleware.UrlGateMiddleware",
    "common.middleware.SlashMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "backoffice.middleware.SecondFactorMiddleware",
    "backoffice.middleware.StaffActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "common.middleware.LastResortMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
ADMIN_PATH = "/admin/"
PROBLEM_BASE_URL = f"{PUBLIC_URL}/docs#"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Engines: embedded by default, real ones by setting
DATABASES = databases.from_environment(DATA_DIR)
DATABASE_ROUTERS = ["catalog.router.CatalogRouter"]
DATABASE_APPLICATION_ROLE = databases.application_role()
# USER and PASSWORD of the login that sees every merchant's rows; empty on SQLite, which has no such policies.
DATABASE_STAFF_LOGIN = databases.staff_login()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache_url_config(env.str("CACHE_URL", default="") or "locmemcache://")}
if CACHES["default"]["BACKEND"].endswith("RedisCache"):
    CACHES["default"]["BACKEND"] = "django.core.cache.backends.redis.RedisCache"
    # Redis holds nothing that correctness needs: down or hanging, it may cost 200 ms and no more.
    CACHES["default"]["OPTIONS"] = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2}
elif CACHES["default"]["BACKEND"].endswith("LocMemCache"):
    # Django's 300 would forget what pharmacies said a moment ago, and who asked how often.
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 20_000}

TASKS = {
    "default": {
        "BACKEND": env.str("TASKS_BACKEND", default="common.task_queue.DeferringBackend"),
        # `slow`: calls that may take a minute, so that nothing quick waits behind them.
        "QUEUES": ["default", "slow"],
    }
}

vars().update(mail.from_environment())
# For each step of the conversation with the mail server.
EMAIL_TIMEOUT = env.float("EMAIL_TIMEOUT_SECONDS", default=10)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Toc Toc Medoc <ne-pas-repondre@example.org>")

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    # Only to verify: hashes of the replaced systems, made anew at sign-in.
    "accounts.hashers.PasslibBcryptHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.validators.MaximumLengthValidator", "OPTIONS": {"max_length": 256}},
    {"NAME": "accounts.validators.UpperCaseValidator"},
    {"NAME": "accounts.validators.DigitValidator"},
]
# Shared by all processes of this machine: see accounts/services/hashing.py.
HASH_GATE_DIR = DATA_DIR / "hash-gate"
# Likewise: see marketplaces/pictures.py.
PICTURE_GATE_DIR = DATA_DIR / "picture-gate"
# Whoever may open the back office needs a second factor; with DEBUG they may have one.
MFA_REQUIRED = env.bool("MFA_REQUIRED", default=not DEBUG)
# The name above the code in the authenticator application.
MFA_ISSUER = env.str("MFA_ISSUER", default="Toc Toc Medoc")
# Where a sign-in leads that was not asked for by a page of ours.
LOGIN_URL, LOGIN_REDIRECT_URL = reverse_lazy("admin:login"), reverse_lazy("admin:index")
# The page of the site on which a new password is chosen; the mailed link adds `?token=…`.
PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", default="") or f"{PUBLIC_URL}/reset-password"
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="Medoc-demo-1")

# The old wire contract beside /api/v1/ (docs/legacy.md)
LEGACY_ROUTES = env.bool("LEGACY_ROUTES", default=True)
# Where the sites are served from, besides CORS_ALLOWED_ORIGINS; with DEBUG also every port of this machine.
LEGACY_ORIGINS = [*env.list("LEGACY_ORIGINS", default=[]), *CORS_ALLOWED_ORIGINS]
# The patients' site: links in mails and browsers that come back from paying lead there.
LEGACY_SITE_URL = (env.str("LEGACY_SITE_URL", default="") or PUBLIC_URL).rstrip("/")
# Hours that a token lives; without it, to the end of the day.
_hours = env.str("LEGACY_TOKEN_LIFETIME", default="")
LEGACY_TOKEN_LIFETIME = timedelta(hours=float(_hours)) if _hours else None
LEGACY_ALLOW_UNVERIFIED = env.bool("LEGACY_ALLOW_UNVERIFIED", default=True)
LEGACY_STAFF_MFA = env.bool("LEGACY_STAFF_MFA", default=False)
LEGACY_ANONYMOUS_ACCOUNTS = env.bool("LEGACY_ANONYMOUS_ACCOUNTS", default=False)
LEGACY_EVENT_LIMIT = env.int("LEGACY_EVENT_LIMIT", default=10_000)
LEGACY_REPEAT_SECONDS = env.float("LEGACY_REPEAT_SECONDS", default=5)

# Languages, times, money
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("français")), ("en", _("anglais"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = env.str("TIME_ZONE", default="Africa/Libreville")
USE_TZ = True
CURRENCY = env.str("CURRENCY", default="XAF")
PHONE_REGION = env.str("PHONE_REGION", default="GA")

STATIC_URL = "/static/"
# In development the files are served from where they are (finders), without collectstatic.
STATIC_ROOT = env.str("STATIC_ROOT", default="" if DEBUG else str(DATA_DIR / "static"))
# Pictures of items for sale. Channels fetch them, so their address is a whole one.
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(DATA_DIR / "media"))
MEDIA_URL = env.str("MEDIA_URL", default=f"{PUBLIC_URL}/media/")
STORAGES = {
    "default": {"BACKEND": env.str("MEDIA_STORAGE", default="django.core.files.storage.FileSystemStorage")},
    # What staff hand in, until it is done with: nobody fetches it, web processes and workers see the same.
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.str("FILES_DIR", default=str(DATA_DIR / "files"))},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = False

# Files that staff import: bytes, lines, and from how many lines on a worker does it while the page shows how far it is.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=10 * 1024 * 1024)
IMPORT_MAX_ROWS = env.int("IMPORT_MAX_ROWS", default=100_000)
IMPORT_BACKGROUND_ROWS = env.int("IMPORT_BACKGROUND_ROWS", default=500)

# What the house decides
WELCOME_CREDITS = env.int("WELCOME_CREDITS", default=10)
# Above these a second person decides; 0 makes that every time.
TWO_EYES_CREDITS = env.int("TWO_EYES_CREDITS", default=500)
TWO_EYES_XAF = env.int("TWO_EYES_XAF", default=50_000)
# For those whose only duty is the till.
CASHIER_LIMIT_XAF = env.int("CASHIER_LIMIT_XAF", default=10_000)
HOLD_UNPAID = timedelta(hours=env.float("HOLD_UNPAID_HOURS", default=2))
HOLD_PAID = timedelta(hours=env.float("HOLD_PAID_HOURS", default=48))
# An appointment waits so long for its payment, a slot offered from the waitlist for an answer.
APPOINTMENT_HOLD = timedelta(minutes=env.float("APPOINTMENT_HOLD_MINUTES", default=10))
WAITLIST_OFFER = timedelta(minutes=env.float("WAITLIST_OFFER_MINUTES", default=15))
# Whoever waits for everything at once keeps nobody else from being asked.
WAITLIST_ENTRIES_PER_PATIENT = env.int("WAITLIST_ENTRIES_PER_PATIENT", default=10)
if WAITLIST_ENTRIES_PER_PATIENT < 1:
    raise ImproperlyConfigured("WAITLIST_ENTRIES_PER_PATIENT must be at least 1: with 0 nobody waits for anything.")
APPOINTMENT_REMINDER_HOURS = env.list("APPOINTMENT_REMINDER_HOURS", cast=int, default=[24, 2])
PAYMENT_BLOCKS = timedelta(minutes=env.float("PAYMENT_BLOCKS_MINUTES", default=15))
# How often a gateway is tried that cannot be reached, each time under a new reference.
PAYMENT_ATTEMPTS = env.int("PAYMENT_ATTEMPTS", default=1)
# How many prompts an hour may light up one phone, and one user may send.
PAYMENT_PROMPTS_PER_PHONE = env.int("PAYMENT_PROMPTS_PER_PHONE", default=5)
PAYMENT_PROMPTS_PER_USER = env.int("PAYMENT_PROMPTS_PER_USER", default=10)
if min(PAYMENT_PROMPTS_PER_PHONE, PAYMENT_PROMPTS_PER_USER) < 1 and not DEBUG:
    raise ImproperlyConfigured(
        "PAYMENT_PROMPTS_PER_PHONE and PAYMENT_PROMPTS_PER_USER must be at least 1: only DEBUG may switch a limit off, "
        "with 0."
    )
# provider=least-most, in whole units of the currency
PAYMENT_LIMITS = ranges("PAYMENT_LIMITS", env.str("PAYMENT_LIMITS", default=""))
# provider=share of what was paid, in hundredths of a per cent
PAYMENT_FEES = shares("PAYMENT_FEES", env.str("PAYMENT_FEES", default=""))
PAYMENT_ASKED_FOR = timedelta(hours=env.float("PAYMENT_ASKED_FOR_HOURS", default=72))

# Payment providers: name → dotted path of a `payments.providers.base.Provider`
PAYMENT_PROVIDERS = {
    "mypayga": "payments.providers.mypayga.provider.MyPayGa",
    "singpay": "payments.providers.singpay.provider.SingPay",
    "counter": "payments.providers.counter.provider.Counter",
}
PAYMENT_GATEWAYS = env.list("PAYMENT_GATEWAYS", default=list(PAYMENT_PROVIDERS))
if unknown := set(PAYMENT_GATEWAYS) - set(PAYMENT_PROVIDERS):
    raise ImproperlyConfigured(
        f"PAYMENT_GATEWAYS names {', '.join(sorted(unknown))}: {', '.join(PAYMENT_PROVIDERS)} exist."
    )
PAYMENT_PROVIDERS = {name: PAYMENT_PROVIDERS[name] for name in PAYMENT_GATEWAYS}
if DEBUG:
    # Takes no money and says what the phone's last digit tells it to.
    PAYMENT_PROVIDERS["dummy"] = "payments.providers.dummy.provider.Dummy"
# The secret last part of the callback addresses that gateways are given.
PAYMENTS_CALLBACK_TOKEN = secret(
    "PAYMENTS_CALLBACK_TOKEN",
    debug=DEBUG,
    development="development-only-callback-token-0123",
    why="it is the secret part of the addresses that payment gateways call back.",
)
if not re.fullmatch(r"[A-Za-z0-9_-]+", PAYMENTS_CALLBACK_TOKEN):
    raise ImproperlyConfigured(
        "PAYMENTS_CALLBACK_TOKEN is a part of addresses: letters, digits, - and _ only, e.g. from `openssl rand -hex 32`."
    )
PROVIDER_CONNECT_SECONDS = env.float("PROVIDER_CONNECT_SECONDS", default=3)
PROVIDER_READ_SECONDS = env.float("PROVIDER_READ_SECONDS", default=8)
PROVIDER_DEADLINE_SECONDS = env.float("PROVIDER_DEADLINE_SECONDS", default=8)
SIMULATORS_PORT = env.int("SIMULATORS_PORT", default=8765)
# MyPayGa: what is not confirmed by its own documentation is a setting.
MYPAYGA_URL = env.str(
    "MYPAYGA_URL",
    default=f"http://127.0.0.1:{SIMULATORS_PORT}/mypayga/v1" if DEBUG else "https://api.mypayga.com/v1",
)
MYPAYGA_API_KEY = required(
    "MYPAYGA_API_KEY",
    debug=DEBUG or "mypayga" not in PAYMENT_PROVIDERS,
    development="stest_demo",
    what="the key MyPayGa issued (sprod_… or stest_…), or leave mypayga out of PAYMENT_GATEWAYS",
)
MYPAYGA_CALLBACK_SECRET = required(
    "MYPAYGA_CALLBACK_SECRET",
    debug=DEBUG or "mypayga" not in PAYMENT_PROVIDERS,
    development="demo-callback-secret",
    what="the callback secret MyPayGa issued; it is not the API key",
)
MYPAYGA_PAYMENT_PATH = env.str("MYPAYGA_PAYMENT_PATH", default="/payment")
MYPAYGA_VERIFY_PATH = env.str("MYPAYGA_VERIFY_PATH", default="/verify")
MYPAYGA_NETWORK_PATH = env.str("MYPAYGA_NETWORK_PATH", default="/network")
MYPAYGA_NETWORK_LOOKUP = env.bool("MYPAYGA_NETWORK_LOOKUP", default=False)

# SingPay
SINGPAY_URL = env.str(
    "SINGPAY_URL",
    default=f"http://127.0.0.1:{SIMULATORS_PORT}/singpay/v1" if DEBUG else "https://gateway.singpay.ga/v1",
)
_SINGPAY_UNUSED = DEBUG or "singpay" not in PAYMENT_PROVIDERS
SINGPAY_CLIENT_ID = required(
    "SINGPAY_CLIENT_ID",
    debug=_SINGPAY_UNUSED,
    development="00000000-0000-4000-8000-000000000000",
    what="the client id SingPay issued (a UUID), or leave singpay out of PAYMENT_GATEWAYS",
)
SINGPAY_CLIENT_SECRET = required(
    "SINGPAY_CLIENT_SECRET",
    debug=_SINGPAY_UNUSED,
    development="demo-client-secret",
    what="the client secret SingPay issued",
)
SINGPAY_WALLET = required(
    "SINGPAY_WALLET",
    debug=_SINGPAY_UNUSED,
    development="000000000000000000000000",
    what="the id of the SingPay wallet that the money goes to (24 hexadecimal digits)",
)
SINGPAY_PUSH = env.bool("SINGPAY_PUSH", default=True)
SINGPAY_PAGE_DEADLINE_SECONDS = env.float("SINGPAY_PAGE_DEADLINE_SECONDS", default=60)
SINGPAY_PAGE_PATH = env.str("SINGPAY_PAGE_PATH", default="/ext")
SINGPAY_AIRTEL_PATH = env.str("SINGPAY_AIRTEL_PATH", default="/74/paiement")
SINGPAY_MOOV_PATH = env.str("SINGPAY_MOOV_PATH", default="/62/paiement")
SINGPAY_STATUS_PATH = env.str("SINGPAY_STATUS_PATH", default="/transaction/api/status")
SINGPAY_SEARCH_PATH = env.str("SINGPAY_SEARCH_PATH", default="/transaction/api/search/by-reference")
SINGPAY_WALLET_PATH = env.str("SINGPAY_WALLET_PATH", default="/portefeuille/api")

# Pharmacies' stock. Without an address every pharmacy has local stock only.
EPG_URL = env.str("EPG_URL", default="").rstrip("/")
if EPG_URL and not DEBUG and not EPG_URL.startswith("https://"):
    raise ImproperlyConfigured(
        "EPG_URL must begin with https:// outside of DEBUG: the key and patients' names go there."
    )
EPG_API_KEY = (
    required("EPG_API_KEY", debug=DEBUG, development="demo-epg-key", what="the key EPG issued (header x-api-key)")
    if EPG_URL or DEBUG
    else ""
)
EPG_RESERVATION_SECONDS = env.float("EPG_RESERVATION_SECONDS", default=8)
EPG_AVAILABILITY_SECONDS = env.float("EPG_AVAILABILITY_SECONDS", default=3)
EPG_PARALLEL = env.int("EPG_PARALLEL", default=32)
EPG_CACHE_SECONDS = env.float("EPG_CACHE_SECONDS", default=60)
# Whoever is not signed in has so many pharmacies asked at EPG by one request, and by so many requests a minute.
EPG_ANONYMOUS_PHARMACIES = env.int("EPG_ANONYMOUS_PHARMACIES", default=20)
EPG_ANONYMOUS_PER_MINUTE = env.int("EPG_ANONYMOUS_PER_MINUTE", default=60)
if EPG_ANONYMOUS_PHARMACIES < 1 or (EPG_ANONYMOUS_PER_MINUTE < 1 and not DEBUG):
    raise ImproperlyConfigured(
        "EPG_ANONYMOUS_PHARMACIES and EPG_ANONYMOUS_PER_MINUTE must be at least 1: only DEBUG may switch the second off, "
        "with 0."
    )
# Of EPG's products at most so many percent leave the market by one sync: more is EPG's mistake until somebody has looked.
EPG_VANISHED_PERCENT = env.int("EPG_VANISHED_PERCENT", default=10)
if not 0 <= EPG_VANISHED_PERCENT <= 100:
    raise ImproperlyConfigured("EPG_VANISHED_PERCENT must be between 0 and 100.")
# How long a search for the best plan may take.
PLANNING_SECONDS = env.float("PLANNING_SECONDS", default=0.2)
EPG_STALE = timedelta(hours=env.float("EPG_STALE_HOURS", default=24))

# Marketplaces: eBay, Etsy, Vinted
MARKETPLACE_CHANNELS = channels.switched_on(env.list("MARKETPLACE_CHANNELS", default=["ebay", "etsy"] if DEBUG else []))
CHANNEL_KEYS = channels.keys(debug=DEBUG, needed=bool(MARKETPLACE_CHANNELS))
CHANNEL_RATES = channels.rates(env.str("CHANNEL_RATES", default="EUR=655.957"))
CHANNEL_CONNECT_SECONDS = env.float("CHANNEL_CONNECT_SECONDS", default=3)
CHANNEL_READ_SECONDS = env.float("CHANNEL_READ_SECONDS", default=10)
CHANNEL_DEADLINE_SECONDS = env.float("CHANNEL_DEADLINE_SECONDS", default=20)
# The page of the site on which an invitation to a merchant is accepted; the mailed link adds `?token=…`.
MERCHANT_INVITATION_URL = env.str("MERCHANT_INVITATION_URL", default="") or f"{PUBLIC_URL}/merchants/join"
# Where a merchant's browser goes after the channel's consent.
CHANNEL_RETURN_URL = env.str("CHANNEL_RETURN_URL", default="")
_SIMULATED = f"http://127.0.0.1:{SIMULATORS_PORT}"
EBAY_URL = channels.address(
    "EBAY_URL",
    env.str("EBAY_URL", default=""),
    debug=DEBUG,
    genuine="https://api.ebay.com",
    simulated=f"{_SIMULATED}/ebay",
)
EBAY_CONSENT_URL = channels.address(
    "EBAY_CONSENT_URL",
    env.str("EBAY_CONSENT_URL", default=""),
    debug=DEBUG,
    genuine="https://auth.ebay.com/oauth2/authorize",
    simulated=f"{_SIMULATED}/ebay/oauth2/authorize",
)
_EBAY_UNUSED = DEBUG or "ebay" not in MARKETPLACE_CHANNELS
EBAY_CLIENT_ID = required(
    "EBAY_CLIENT_ID", debug=_EBAY_UNUSED, development="demo-ebay-client", what="the App ID of your eBay keyset"
)
EBAY_CLIENT_SECRET = required(
    "EBAY_CLIENT_SECRET", debug=_EBAY_UNUSED, development="demo-ebay-secret", what="the Cert ID of your eBay keyset"
)
# eBay knows the callback by a name of its own; the simulator by its address.
EBAY_REDIRECT = required(
    "EBAY_REDIRECT",
    debug=_EBAY_UNUSED,
    development=f"{PUBLIC_URL}/api/v1/channels/ebay/callback",
    what="the RuName of your eBay keyset, whose accept address is PUBLIC_URL/api/v1/channels/ebay/callback",
)
ETSY_URL = channels.address(
    "ETSY_URL",
    env.str("ETSY_URL", default=""),
    debug=DEBUG,
    genuine="https://openapi.etsy.com/v3/application",
    simulated=f"{_SIMULATED}/etsy/v3/application",
)
ETSY_TOKEN_URL = channels.address(
    "ETSY_TOKEN_URL",
    env.str("ETSY_TOKEN_URL", default=""),
    debug=DEBUG,
    genuine="https://api.etsy.com/v3/public/oauth/token",
    simulated=f"{_SIMULATED}/etsy/v3/public/oauth/token",
)
ETSY_CONSENT_URL = channels.address(
    "ETSY_CONSENT_URL",
    env.str("ETSY_CONSENT_URL", default=""),
    debug=DEBUG,
    genuine="https://www.etsy.com/oauth/connect",
    simulated=f"{_SIMULATED}/etsy/oauth/connect",
)
ETSY_API_KEY = required(
    "ETSY_API_KEY",
    debug=DEBUG or "etsy" not in MARKETPLACE_CHANNELS,
    development="demo-etsy-keystring",
    what="the keystring of your Etsy application",
)
# What the merchant's browser is to ask of Vinted: opaque to us.
VINTED_ACTIONS = channels.actions(env.str("VINTED_ACTIONS", default=""))
# A worker's hold on a job, renewed while it lives: longer than a call to a channel may take.
JOB_LEASE_SECONDS = env.float("JOB_LEASE_SECONDS", default=60)
# The first pause after a call that failed; it doubles.
JOB_RETRY_SECONDS = env.float("JOB_RETRY_SECONDS", default=5)
ORDER_POLL_SECONDS = env.float("ORDER_POLL_SECONDS", default=300)
# How long the merchant's browser may be at one task before it must have said something.
PLUGIN_LEASE_SECONDS = env.float("PLUGIN_LEASE_SECONDS", default=120)

# The secrets that others issued, and those inside addresses.
if not DEBUG:
    refuse_placeholders()

# The API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "common.api.pagination.EnvelopeCursorPagination",
    "DEFAULT_THROTTLE_CLASSES": ["common.api.throttling.AnonymousThrottle"],
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.Schema",
    "EXCEPTION_HANDLER": "common.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": False,
}
# Requests a minute from one address without a sign-in.
RATE_LIMIT_PER_MINUTE = env.int("RATE_LIMIT_PER_MINUTE", default=600)
if RATE_LIMIT_PER_MINUTE < 1 and not DEBUG:
    raise ImproperlyConfigured("RATE_LIMIT_PER_MINUTE must be at least 1: only DEBUG may switch the limit off, with 0.")
# Tokens
JWT_ISSUER = env.str("JWT_ISSUER", default="toctocmedoc")
JWT_AUDIENCE = env.str("JWT_AUDIENCE", default="toctocmedoc-api")
ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=7))
SPECTACULAR_SETTINGS = {
    # Closed: a browser takes half a minute to draw every operation and model at once.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "defaultModelsExpandDepth": -1},
    "TITLE": "Toc Toc Medoc",
    "DESCRIPTION": "Trouver un médicament, le réserver, le payer. Erreurs au format RFC 9457.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ProductKind": "catalog.enums.ProductKind",
        "Role": "accounts.enums.Role",
        "RegisteredRole": "accounts.api.registration.ROLES",
        "ReservationStatus": "reservations.enums.Status",
        "PaymentStatus": "payments.enums.Status",
        "ReservationPaymentStatus": "reservations.enums.PaymentStatus",
        "AppointmentStatus": "appointments.enums.Status",
        "AppointmentPaymentStatus": "appointments.enums.PaymentStatus",
        "WaitlistStatus": "appointments.enums.EntryStatus",
        "CalendarKind": "appointments.enums.FeedKind",
        "RefundStatus": "payments.enums.RefundStatus",
        "ListingState": "marketplaces.enums.ListingState",
        "OrderState": "marketplaces.enums.OrderState",
        "OrderTask": "marketplaces.enums.OrderTask",
        "MemberRole": "marketplaces.enums.MemberRole",
        "Channel": "marketplaces.enums.Channel",
        "QuotaKind": "marketplaces.enums.QuotaKind",
        "ItemReview": "marketplaces.enums.Review",
        "ApprovalStatus": "accounts.enums.ApprovalStatus",
        "ChannelState": "marketplaces.enums.ConnectionState",
    },
}

# Cookies and transport
SESSION_COOKIE_NAME = "sessionid" if DEBUG else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if DEBUG else "__Host-csrftoken"
REFRESH_COOKIE_NAME = "refresh_token" if DEBUG else "__Secure-refresh_token"
REFRESH_COOKIE_PATH = "/api/v1/auth/"
# A working day: computers behind a counter are shared.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = REFRESH_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
# Health checks come from inside, over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health"]
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0 if DEBUG else 31536000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "common.logging.ContextFilter"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(actor)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["context"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Our own request line says more; Django's would double it.
        "django.request": {"level": "CRITICAL"},
        "django.server": {"level": "WARNING"},
        # Whatever LOG_LEVEL says: it would write addresses with their keys (MyPayGa's stands in the query).
        "urllib3": {"level": "INFO"},
    },
}

UNFOLD = {
    "SITE_TITLE": "Toc Toc Medoc",
    "SITE_HEADER": "Toc Toc Medoc",
    "SITE_SUBHEADER": _("Back-office"),
    "SITE_SYMBOL": "medication",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "STYLES": ["backoffice.navigation.stylesheet"],
    "ACCOUNT": {
        "navigation": [
            {"title": _("Changer le mot de passe"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second facteur"), "link": reverse_lazy("second_factor")},
        ]
    },
    "LOGIN": {"form": "backoffice.entrance.SignInForm"},
    "DASHBOARD_CALLBACK": "backoffice.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "backoffice.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "240 253 250",
            "100": "204 251 241",
            "200": "153 246 228",
            "300": "94 234 212",
            "400": "45 212 191",
            "500": "20 184 166",
            # A shade darker than Tailwind's teal: white on it, and it on white, are read at 4.5 : 1.
            "600": "15 118 110",
            "700": "17 94 89",
            "800": "19 78 74",
            "900": "15 61 59",
            "950": "4 47 46",
        }
    },
}
