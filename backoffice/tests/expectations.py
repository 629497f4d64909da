"""Who may do what in the back office, to be read: one line a model, one letter a person.

    G staff with every old right  U support  C cashier  K catalogue  M medical secretary  A auditor
    P pharmacist, of their own pharmacies  X administrator

`see` is the list, a row's page and its history; `add`, `change` and `delete` are Django's; every other name is a page
of the model's admin, a button of a row or of the list. A name that is missing is nobody's: not even an administrator's.
"""

from accounts.enums import Duty, Role

LETTERS: dict[str, Role | Duty] = {
    "G": Duty.GENERAL,
    "U": Duty.SUPPORT,
    "C": Duty.CASHIER,
    "K": Duty.CATALOGUE,
    "M": Duty.MEDICAL_SECRETARY,
    "A": Duty.AUDITOR,
    "P": Role.PHARMACIST,
    "X": Role.ADMIN,
}

_MONEY = {"see": "GUCAX"}
_SCHEDULE = {"see": "GUMAX"}
_SHELF = {"see": "GUKAX"}
_KEPT = {**_SHELF, "add": "GKX", "change": "GKX", "delete": "GKX"}
_FILES = {"export_file": "GUKAX", "import_file": "GKX"}
_MARKET = {"see": "GUAX"}
_NAMES = {**_MARKET, "add": "GX", "change": "GX"}
_EVENTS = {"see": "GAX"}
_MACHINERY = {"see": "AX"}

ADMIN: dict[str, dict[str, str]] = {
    "accounts.Account": {
        **_MONEY,
        "give_rate": "GX",
        "grant_credits": "GX",
        "adjust_credits": "GX",
        "disable_account": "GX",
        "enable_account": "GX",
    },
    "accounts.AccountReview": {**_MONEY, "settle": "GX"},
    # Withdrawing is for whoever asked.
    "accounts.Approval": {**_MONEY, "approve": "GX", "refuse": "GX", "withdraw": ""},
    "accounts.CreditEntry": _MONEY,
    "accounts.PriceList": {
        **_MONEY,
        "add": "GX",
        "change": "GX",
        "delete": "GX",
        "export_file": "GUCAX",
        "import_file": "GX",
    },
    "accounts.Rate": {**_MONEY, "add": "GX", "change": "GX"},
    "accounts.User": {
        "see": "GUCMAX",
        "add": "X",
        "change": "GUX",
        "change_role": "X",
        "change_duties": "X",
        "resend_code": "GUX",
        "disable_user": "X",
        "enable_user": "X",
        "anonymise_user": "GX",
    },
    "appointments.Appointment": {
        **_SCHEDULE,
        "confirm": "GMX",
        "complete": "GMX",
        "no_show": "GMX",
        "reschedule": "GUMX",
        "cancel": "GUMX",
    },
    "appointments.CalendarFeed": {**_SCHEDULE, "revoke": "GX"},
    "appointments.FreedSlot": _SCHEDULE,
    "appointments.Practitioner": {
        **_SCHEDULE,
        "add": "GX",
        "change": "GMX",
        "verify": "GX",
        "unlist": "GX",
        "week": "GUMAX",
        "day": "GUMAX",
        "book": "GUMX",
        "move": "GUMX",
    },
    "appointments.Specialty": {**_SCHEDULE, "add": "GX", "change": "GX"},
    "appointments.WaitlistEntry": _SCHEDULE,
    "audit.Archive": _EVENTS,
    "audit.Event": _EVENTS,
    "audit.EventPersonal": _MACHINERY,
    "audit.Seal": _EVENTS,
    "auth.Group": _MACHINERY,
    "catalog.DutyPeriod": {**_KEPT, **_FILES},
    "catalog.Holiday": _KEPT,
    "catalog.Pharmacy": {"see": "GUKAPX", "add": "GKX", "change": "GKPX", "delete": "X", **_FILES},
    "catalog.PlannedPrice": _KEPT,
    "catalog.PriceChange": _SHELF,
    "catalog.Product": {
        **_SHELF,
        "add": "GKX",
        "change": "GKX",
        "delete": "X",
        "export_file": "GUKAX",
        "import_file": "GKX",
    },
    "catalog.ProductChange": _SHELF,
    "catalog.SearchEntry": _SHELF,
    "catalog.Stock": {"see": "GUKAPX", "add": "GKPX", "change": "GKPX", "delete": "X", **_FILES},
    "catalog.StockAlert": _SHELF,
    "common.IdempotencyKey": _MACHINERY,
    # Confirmed by whoever brought it, and by nobody else.
    "common.FileImport": {"see": "GKAX", "confirm": "", "abandon": "GKX"},
    "common.ImportBatch": _MACHINERY,
    "common.Mail": {"see": "GUAX"},
    "django_tasks_database.DBTaskResult": _MACHINERY,
    "marketplaces.Brand": _NAMES,
    "marketplaces.Category": _NAMES,
    "marketplaces.ChannelConnection": _MARKET,
    "marketplaces.ChannelQueue": _MARKET,
    "marketplaces.Color": _NAMES,
    "marketplaces.Condition": _NAMES,
    "marketplaces.Item": {**_MARKET, "clear": "GX", "refuse": "GX"},
    "marketplaces.Job": {**_MARKET, "retry": "GX", "cancel": "GX"},
    "marketplaces.Listing": _MARKET,
    "marketplaces.Material": _NAMES,
    "marketplaces.Membership": {**_MARKET, "set_role": "GX"},
    "marketplaces.Merchant": {**_MARKET, "add": "GX", "change": "GX", "add_a_member": "GX"},
    "marketplaces.Order": _MARKET,
    "marketplaces.Plan": _NAMES,
    "marketplaces.Size": _NAMES,
    "payments.CallbackMessage": _MONEY,
    "payments.Payment": {
        **_MONEY,
        "ask_provider": "GCX",
        "confirm_counter": "GCX",
        "accept_held": "GCX",
        "dismiss_held": "GCX",
        "request_refund": "GCX",
    },
    "payments.PaymentAttempt": _MONEY,
    "payments.Refund": {**_MONEY, "approve": "GCX", "mark_sent": "GCX", "mark_done": "GCX", "mark_failed": "GCX"},
    "reservations.EpgRequest": {
        "see": "GUCAPX",
        "found_upstream": "GPX",
        "not_found_upstream": "GPX",
        "close_task": "GPX",
    },
    "reservations.Reservation": {
        "see": "GUCAPX",
        "mark_ready": "GPX",
        "collect": "GPX",
        "reject": "GPX",
        "cancel": "GUX",
    },
}

# Of the API, the operations that a named permission opens; all others belong to whoever is signed in, or to anybody.
API: dict[str, str] = {
    "get /api/v1/users/": "GUCMAX",
    "get /api/v1/users/{id}/": "GUCMAX",
    "patch /api/v1/users/{id}/": "GUX",
    "delete /api/v1/users/{id}/": "GX",
    "get /api/v1/accounts/": "GUCAX",
    "get /api/v1/accounts/{id}/": "GUCAX",
    "post /api/v1/accounts/{id}/enable/": "GX",
    "post /api/v1/accounts/{id}/disable/": "GX",
    "post /api/v1/accounts/{id}/grant/": "GX",
    "post /api/v1/accounts/{id}/adjust/": "GX",
    "get /api/v1/approvals/": "GUCAX",
    "get /api/v1/approvals/{id}/": "GUCAX",
    "post /api/v1/approvals/{id}/approve/": "GX",
    "post /api/v1/approvals/{id}/refuse/": "GX",
    # Of these, whoever asked.
    "post /api/v1/approvals/{id}/withdraw/": "GUCX",
    "get /api/v1/refunds/": "GUCAX",
    "get /api/v1/refunds/{id}/": "GUCAX",
    "post /api/v1/refunds/": "GCX",
    "post /api/v1/refunds/{id}/approve/": "GCX",
    "post /api/v1/refunds/{id}/sent/": "GCX",
    "post /api/v1/refunds/{id}/done/": "GCX",
    "post /api/v1/refunds/{id}/failed/": "GCX",
    "get /api/v1/events/": "GAX",
}

# The same of the old routes.
LEGACY: dict[str, str] = {
    "get user/all": "GUCMAX",
    "delete user/delete/<int:user_id>": "GX",
    "get account/all": "GUCAX",
    "get account/get_by_role_admin": "GUCAX",
    "get account/get_by_role_user": "GUCAX",
    "put account/subscribe_rate/<int:account_id>": "GX",
    "put account/disable_account/<int:account_id>": "GX",
    "put account/enable_account/<int:account_id>": "GX",
    "post rate/add": "GX",
    "put rate/update/<int:rate_id>": "GX",
    "delete rate/delete/<int:rate_id>": "GX",
    "post price_list/add": "GX",
    "put price_list/update/<int:price_id>": "GX",
    "delete price_list/delete/<int:price_id>": "GX",
    "get event/all": "GAX",
    "get event/get_by_timer/<str:start_at>/<str:end_at>": "GAX",
    "get event/stat": "GAX",
    "post api_epg/products": "GKX",
}
