"""The few pages for the eye: the index, a journal, the page on which a payer decides. French; no scripts."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .faults import FaultKind
from .journal import Entry
from .phones import OUTCOME_OF_BEHAVIOUR

LONGEST_CELL = 600
SHOWN_ENTRIES = 300
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1a2b2b;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}a{color:#00695c}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;
border-bottom:1px solid #cfd8d8}td{overflow-wrap:anywhere}code{font-size:.9em}.none{color:#8d1d1d}
.journal td:nth-child(3){min-width:14rem}.journal td:nth-child(-n+2){white-space:nowrap}
button{font:inherit;padding:.5rem 1.2rem;margin-right:1rem}
"""


def page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{content}</body></html>"
    )


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def index_page(services: Iterable[tuple[str, str, str]]) -> str:
    """`services` are `(name, title, base URL)`."""
    rows = [
        (escape(title), f"<code>{escape(url)}</code>", f'<a href="/control/{escape(name)}/journal">journal</a>')
        for name, title, url in services
    ]
    faults = table(["Panne", "Effet"], [(f"<code>{kind}</code>", escape(kind.does)) for kind in FaultKind])
    behaviours = ", ".join(f"<code>{name}</code>" for name in OUTCOME_OF_BEHAVIOUR)
    return page(
        "Services extérieurs simulés",
        "<p>Ces serveurs remplacent les vrais services pour la démonstration et les essais.</p>"
        + table(["Service", "Adresse de base", "Appels reçus"], rows)
        + "<h2>Commandes</h2>"
        + table(
            ["Appel", "Corps JSON"],
            [
                ("<code>GET /control/{service}/journal</code>", ""),
                (
                    "<code>POST /control/{service}/faults</code>",
                    "<code>{fault, path?, method?, count?, seconds?, times?}</code>",
                ),
                ("<code>DELETE /control/{service}/faults</code>", ""),
                ("<code>GET|POST /control/{service}/options</code>", "<code>{option: valeur}</code>"),
                ("<code>POST /control/{service}/reset</code>", ""),
                (
                    "<code>POST /control/{mypayga|singpay}/phones/{0XXXXXXXX}</code>",
                    f"<code>{{behaviour, seconds?}}</code> : {behaviours}",
                ),
                ("<code>POST /control/{mypayga|singpay}/redeliver/{reference}</code>", "<code>{times?, delay?}</code>"),
                ("<code>GET /control/{mypayga|singpay}/payments</code>", ""),
                ("<code>POST /control/{mypayga|singpay}/payments/{reference}</code>", "<code>{outcome}</code>"),
                ("<code>GET|POST /control/epg/data</code>", "<code>{products, pharmacies}</code>"),
                ("<code>GET /control/epg/reservations</code>", ""),
                ("<code>POST /control/{ebay|etsy}/grants</code>", "<code>{account?, scopes?}</code>"),
                ("<code>POST /control/{ebay|etsy}/expire</code>", "<code>{account?, refresh?}</code>"),
                ("<code>GET /control/{ebay|etsy}/listings?sku=&amp;live=true</code>", ""),
                ("<code>GET /control/{ebay|etsy}/orders</code>", ""),
                ("<code>POST /control/{ebay|etsy}/orders</code>", "<code>{sku, quantity?, account?}</code>"),
            ],
        )
        + "<h2>Pannes</h2>"
        + faults,
    )


def journal_page(title: str, calls: list[Entry], callbacks: list[Entry]) -> str:
    """Calls and callbacks in one table, the newest first."""
    entries = [("reçu", entry) for entry in calls[-SHOWN_ENTRIES:]]
    entries += [("envoyé", entry) for entry in callbacks[-SHOWN_ENTRIES:]]
    entries.sort(key=lambda pair: pair[1].at, reverse=True)
    rows = [journal_row(direction, entry.shown()) for direction, entry in entries]
    entries_table = table(["Heure (UTC)", "Sens", "Appel", "Corps", "Statut", "Issue"], rows)
    content = f'<div class="journal">{entries_table}</div>' if rows else "<p>Aucun appel.</p>"
    return page(
        f"Journal : {title}",
        '<p><a href="/">Tous les services</a></p>'
        f"<p>{len(calls)} appels reçus, {len(callbacks)} rappels envoyés.</p>{content}",
    )


def journal_row(direction: str, shown: dict[str, Any]) -> list[str]:
    status = shown["status"]
    detail = shown.get("query") or shown["body"]
    return [
        escape(shown["at"][11:23]),
        direction,
        f"<code>{escape(shown['method'])} {escape(shown['path'])}</code>",
        "" if detail is None else f"<code>{escape(json.dumps(detail, ensure_ascii=False)[:LONGEST_CELL])}</code>",
        '<span class="none">sans réponse</span>' if status is None else str(status),
        escape(shown["outcome"]),
    ]


def hosted_page(service: str, reference: str, amount: int, outcome: str | None) -> str:
    """What a payer sees on a gateway's page: the amount (whole XAF) and two buttons until it is decided."""
    summary = f"<p>Référence <code>{escape(reference)}</code>, montant <strong>{amount} XAF</strong></p>"
    if outcome is not None:
        return page(f"{service} (simulateur)", f"{summary}<p>Paiement terminé : <code>{escape(outcome)}</code></p>")
    buttons = (
        '<form method="post"><button name="decision" value="pays">Payer</button>'
        '<button name="decision" value="refuses">Refuser</button></form>'
    )
    return page(f"{service} (simulateur)", summary + buttons)


def consent_page(service: str, fields: Mapping[str, str], scopes: Iterable[str], account: str) -> str:
    """Where a seller lets an application act for an account; the fields of the request travel along."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    wanted = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in scopes)
    return page(
        f"{service} (simulateur)",
        f"<p>Toc Toc Medoc demande à agir pour un compte vendeur&nbsp;:</p><ul>{wanted}</ul>"
        f'<form method="post">{hidden}<p><label>Compte vendeur <input name="account" inputmode="numeric" '
        f'value="{escape(account)}"></label></p><button name="decision" value="agree">Accepter</button>'
        '<button name="decision" value="refuse">Refuser</button></form>',
    )
