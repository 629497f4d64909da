"""The admin's first page: what was done in a range of days, whether the services answer, what waits for somebody."""

from typing import Any

from django.http import HttpRequest

from backoffice.home import cards, charts, money, period, services
from backoffice.queues import waiting


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What `admin/index.html` shows beyond the admin's own context: what this person may see, and no more."""
    chosen, problem = period.asked(request)
    figures = cards.figures_for(request, chosen)
    payments = figures.get("payments")
    context |= {
        "queues": waiting(request),
        "period": chosen,
        "period_problem": problem,
        "presets": period.LABELS.items(),
        "cards": cards.cards(figures, chosen),
        "charts": charts.charts(figures, chosen),
        "shows_payments": payments is not None,
        "outcomes": [label for label, _statuses in money.OUTCOMES],
        "providers": money.by_provider(payments or [], chosen),
        "oldest_pending": money.oldest_pending(request),
        "services": services.services(request),
    }
    return context
