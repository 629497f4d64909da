"""Keys that `merchant_id` leads and row-level security: see `marketplaces/tenant_tables.py`.

Besides their own merchant's block, a person sees their memberships and the merchants they belong to; who is erased
leaves (DELETE).
"""

from django.db import migrations

from marketplaces.tenant_tables import PERSON, further_policies, merchants_table, tenant_table

ITEM = "marketplaces_item"


class Migration(migrations.Migration):
    dependencies = [("marketplaces", "0001_initial")]

    operations = [
        merchants_table("marketplaces_merchant"),
        tenant_table("marketplaces_membership"),
        further_policies(
            "marketplaces_membership",
            {
                "own_person": f"FOR SELECT USING (user_id = {PERSON})",
                "own_person_leaves": f"FOR DELETE USING (user_id = {PERSON})",
            },
        ),
        further_policies(
            "marketplaces_merchant",
            {
                "own_person": "FOR SELECT USING (id IN (SELECT m.merchant_id FROM marketplaces_membership m "
                f"WHERE m.user_id = {PERSON}))"
            },
        ),
        tenant_table(ITEM),
        tenant_table("marketplaces_itemimage", references={"item_id": ITEM}),
        tenant_table("marketplaces_listing", references={"item_id": ITEM}),
        tenant_table("marketplaces_order"),
        tenant_table("marketplaces_orderline", references={"order_id": "marketplaces_order", "item_id": ITEM}),
    ]
