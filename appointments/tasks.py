"""Wake-up calls: the truth is the row, and the sweep finds it as well."""

from django_tasks import task

from common.context import acting


@task()
def offer_freed_slot(slot_id: int) -> None:
    """Offer a freed slot to the waitlist, where it is still free."""
    from appointments.services.offering import offer

    with acting("task", "offer_freed_slot"):
        offer(slot_id)
