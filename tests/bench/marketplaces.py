"""Marketplaces: one merchant's list of items among ten merchants, and among a hundred thousand in the same tables."""

import os
import time

import psycopg
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.users import create_user
from accounts.tests.factories import make_session
from marketplaces.enums import MemberRole
from marketplaces.models import Category, Condition, Membership, Merchant, Plan
from marketplaces.services.merchants import create_merchant
from marketplaces.tenancy import crossing, merchant_scope
from tests.bench.report import Report, percentile

FEW = 10
MANY = 100_000
# Of the merchant that is asked for; the others have ITEMS_OF_OTHERS each.
ITEMS = 200
ITEMS_OF_OTHERS = 10
ASKED = 300

_MERCHANTS = """
INSERT INTO marketplaces_merchant (public_id, name, plan_id, currency, is_active)
SELECT gen_random_uuid(), 'Marchand ' || n, %s, 'XAF', true FROM generate_series(1, %s) n RETURNING id
"""
_ITEMS = """
INSERT INTO marketplaces_item (merchant_id, public_id, sku, title, description, price, currency, quantity, code,
    category_id, condition_id, stock_buffers, review, flagged_words)
SELECT merchant.id, gen_random_uuid(), 'TTM' || merchant.id || 'X' || n, 'Crème ' || n, '', 5000, 'XAF', 3, '',
    %s, %s, '{}', 'none', '[]'
FROM generate_series(1, %s) n CROSS JOIN marketplaces_merchant merchant WHERE merchant.id > %s AND merchant.id <= %s
"""


def run(report: Report, has_catalogue: bool) -> None:
    owner = create_user(email="bench-merchant@example.org", password="Medoc-bench-1", is_verified=True)
    merchant = _ours(owner)
    last = _others(FEW - 1, after=merchant.pk)
    few = _list(owner, merchant)
    _others(MANY - FEW, after=last)
    many = _list(owner, merchant)
    report.section(f"Items of one merchant ({ITEMS}, a page of 20), milliseconds of the whole request in process")
    for merchants, samples in ((FEW, few), (MANY, many)):
        report.add(
            f"among {merchants:,} merchants", f"p50 {percentile(samples, 0.5):.2f}  p95 {percentile(samples, 0.95):.2f}"
        )
    ratio = percentile(many, 0.5) / percentile(few, 0.5)
    report.add("many to few", f"{ratio:.2f}", goal="≈ 1 (≤ 1.2)", reached=ratio <= 1.2)


def _ours(owner: User) -> Merchant:
    staff = create_user(email="bench-staff@example.org", password="Medoc-bench-1", is_verified=True)
    staff.is_superuser = True
    merchant = create_merchant(name="La nôtre", owner=owner, plan=Plan.objects.get(code="unlimited"), by=staff)
    with merchant_scope(merchant.pk):
        assert Membership.objects.get().role == MemberRole.OWNER
    _fill(ITEMS, after=merchant.pk - 1, until=merchant.pk)
    return merchant


def _others(count: int, *, after: int) -> int:
    """So many merchants more, with their items; the id of the last."""
    with crossing(), connection.cursor() as cursor:
        cursor.execute(_MERCHANTS, [Plan.objects.get(code="unlimited").pk, count])
        last = max(row[0] for row in cursor.fetchall())
    _fill(ITEMS_OF_OTHERS, after=after, until=last)
    return last


def _fill(items: int, *, after: int, until: int) -> None:
    category, condition = Category.objects.get(code="face-care"), Condition.objects.get(code="new")
    with crossing(), connection.cursor() as cursor:
        cursor.execute(_ITEMS, [category.pk, condition.pk, items, after, until])
    # What autovacuum does by and by, as the owner of the tables.
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as login:
        login.execute("VACUUM ANALYZE marketplaces_item, marketplaces_merchant, marketplaces_membership")


def _list(owner: User, merchant: Merchant) -> list[float]:
    client = APIClient()
    headers = {"Authorization": f"Bearer {make_session(owner).access_token}", "X-Merchant": str(merchant.public_id)}
    samples = []
    for number in range(ASKED + 20):
        started = time.perf_counter()
        response = client.get("/api/v1/items/", headers=headers, SERVER_NAME="127.0.0.1")
        taken = (time.perf_counter() - started) * 1000
        assert response.status_code == 200
        assert len(response.json()["results"]) == 20
        # The first ones warm the connection and the caches.
        samples += [taken] if number >= 20 else []
    return samples
