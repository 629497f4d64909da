"""What the merchant does about an order. Everything runs in the merchant's block."""

from accounts.models import User
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from marketplaces.enums import ORDER_MOVES, OrderState, OrderTask
from marketplaces.models import Order
from marketplaces.services.locks import lock_order
from marketplaces.signals import order_moved, order_task_closed


def move(order: Order, state: OrderState, *, task: OrderTask, by: User | None, note: str = "") -> None:
    """The one place where a locked order changes its state, with what the merchant has to do then.

    Raises `IllegalMove` (409).
    """
    ORDER_MOVES.check(order.state, state)
    old = OrderState(order.state)
    order.state, order.task, order.task_note = state, task, note[:500]
    order.save(update_fields=["state", "task", "task_note", "updated_at"])
    order_moved.send(Order, order=order, old=old, by=by)


def close_task(order: Order, *, by: User) -> Order:
    """The merchant has done what was to do. Raises `IllegalMove` (409) where nothing was."""
    with unit_of_work():
        order = lock_order(order.pk)
        old = OrderTask(order.task)
        if old in (OrderTask.NONE, OrderTask.DONE):
            raise IllegalMove
        order.task = OrderTask.DONE
        order.save(update_fields=["task", "updated_at"])
        order_task_closed.send(Order, order=order, old=old, by=by)
    return order
