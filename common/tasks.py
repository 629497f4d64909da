"""Wake-up calls: each carries an id and calls one service that re-checks the state."""

from django_tasks import task

from common.context import acting


@task()
def deliver_mail(mail_id: int) -> None:
    from common.mail.delivery import deliver

    with acting("task", "deliver_mail"):
        deliver(mail_id)
