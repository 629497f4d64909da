"""Wake-up calls: each carries an id and calls one service that re-checks the state."""

from django_tasks import task

from common.context import acting


@task()
def run_file_import(job_id: int) -> None:
    from common.exchange.jobs import run

    with acting("task", "run_file_import"):
        run(job_id)


@task()
def deliver_mail(mail_id: int) -> None:
    from common.mail.delivery import deliver

    with acting("task", "deliver_mail"):
        deliver(mail_id)
