"""Wake-up calls: what is to be done stands in the rows."""

from django_tasks import task

from common.context import acting


@task(queue_name="slow")
def work_channels() -> None:
    from marketplaces.services.jobs.working import work

    with acting("task", "work_channels"):
        work()
