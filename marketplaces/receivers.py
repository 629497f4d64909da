"""After a migration: the staff's login sees every merchant's rows (PostgreSQL with `DATABASE_STAFF_URL` only). A
merchant's queue for a channel goes as long as their access to it; what waited for one who was switched off goes on; a
browser goes with whoever added it.
"""

from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from accounts.signals import user_switched
from marketplaces.enums import MemberRole
from marketplaces.models import ChannelConnection
from marketplaces.services import devices
from marketplaces.services.jobs import queue, queues
from marketplaces.signals import connection_moved, member_changed, merchant_changed
from marketplaces.tenant_tables import STAFF_POLICY


@receiver(post_migrate, dispatch_uid="marketplaces.let_staff_cross")
def let_staff_cross(sender: Any, app_config: Any, using: str, **kwargs: Any) -> None:
    """Give each tenant table the policy that names the staff's role; where the role is another now, in its place."""
    role = settings.DATABASE_STAFF_LOGIN.get("USER", "")
    connection = connections[using]
    if app_config.label != "marketplaces" or connection.vendor != "postgresql" or not role:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT own.tablename, staff.roles IS NOT NULL FROM pg_policies own "
            "LEFT JOIN pg_policies staff ON staff.tablename = own.tablename AND staff.policyname = %s "
            "WHERE own.policyname = 'own_merchant' AND own.schemaname = current_schema() "
            "AND staff.roles IS DISTINCT FROM %s::name[] ORDER BY 1",
            [STAFF_POLICY, [role]],
        )
        for table, replaces in cursor.fetchall():
            if replaces:
                cursor.execute(f"DROP POLICY {STAFF_POLICY} ON {table}")
            name = connection.ops.quote_name(role)
            cursor.execute(f"CREATE POLICY {STAFF_POLICY} ON {table} TO {name} USING (true) WITH CHECK (true)")


@receiver(connection_moved, dispatch_uid="marketplaces.queue_follows_connection")
def queue_follows_connection(connection: ChannelConnection, by: Any, **kwargs: Any) -> None:
    queues.follow(connection, by=by)


@receiver(merchant_changed, dispatch_uid="marketplaces.jobs_go_on")
def jobs_go_on(new: dict[str, Any], **kwargs: Any) -> None:
    if new.get("is_active"):
        queue.wake(timezone.now())


@receiver(member_changed, dispatch_uid="marketplaces.browsers_follow_members")
def browsers_follow_members(user_id: int, new: MemberRole | None, by: Any, **kwargs: Any) -> None:
    devices.follow(user_id, new, by=by)


@receiver(user_switched, dispatch_uid="marketplaces.browsers_of_switched_user")
def browsers_of_switched_user(user: User, is_active: bool, **kwargs: Any) -> None:
    if not is_active:
        devices.let_go(user.pk)
