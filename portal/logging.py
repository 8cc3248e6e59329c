"""Logging to stderr, one event a line; whoever runs the process (systemd, a container, `make run`) keeps it."""

from typing import Any


def configuration(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would mail and print a second time.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "uvicorn": {"handlers": [], "level": level, "propagate": True},
            # Every look of every open page; the proxy in front keeps such a log.
            "uvicorn.access": {"handlers": [], "level": "WARNING", "propagate": True},
            # A tick a second, on its way and back: what a task did is told by the job's own lines.
            "celery.beat": {"handlers": [], "level": "WARNING", "propagate": True},
            "celery.worker.strategy": {"handlers": [], "level": "WARNING", "propagate": True},
            "celery.app.trace": {"handlers": [], "level": "WARNING", "propagate": True},
            # A line for every block that is read from a share.
            "smbprotocol": {"handlers": [], "level": "WARNING", "propagate": True},
            "celery": {"handlers": [], "level": level, "propagate": True},
        },
    }
