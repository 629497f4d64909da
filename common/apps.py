from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Socle"

    def ready(self) -> None:
        from common import connections, receivers  # noqa: F401  (registers their receivers)
        from common.exchange.jobs import forget_old_files, run_due
        from common.idempotency import purge_expired_keys
        from common.limits import forget_old
        from common.mail.delivery import deliver_due
        from common.sweeping import register

        register("idempotency_keys", purge_expired_keys)
        register("file_imports", run_due)
        register("files", forget_old_files)
        register("mail", deliver_due)
        register("rate_counters", forget_old)
