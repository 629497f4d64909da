"""Gunicorn for both web services; they differ in WEB_THREADS only (docs/operations.md).

Routes that compute get one thread per process: threads would share one interpreter and slow each other down.
Routes that wait for another service get many threads, because a waiting thread costs next to nothing.
"""

import os
from pathlib import Path

import environ

env = environ.Env()
env.read_env(Path(__file__).resolve().parent.parent / ".env")

bind = f"0.0.0.0:{env.int('PORT', default=8000)}"
workers = env.int("WEB_CONCURRENCY", default=2 * len(os.sched_getaffinity(0)))
threads = env.int("WEB_THREADS", default=1)
worker_class = "gthread" if threads > 1 else "sync"

# Seconds. The database gives up after 15 and a provider after 8, so what takes 30 is stuck.
timeout = 30
graceful_timeout = 25
# nginx keeps connections to the threaded service open; sync workers close them.
keepalive = 5

# The heartbeat file of a worker must never wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True

# The application logs every request itself, with its id.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(process)d %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "INFO", "propagate": False},
    },
}
