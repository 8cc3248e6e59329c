"""Logging to stderr, one event a line; whoever runs the process (systemd, a container, `make run`) keeps it."""

import logging
from typing import Any

SERVER_FAULT = 500


class RefusalsInOneLine(logging.Filter):
    """A page that was refused is told without the places in the program; a fault of ours is told with all of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", None)
        if isinstance(status, int) and status < SERVER_FAULT:
            record.exc_info = record.exc_text = None
        return True


def configuration(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "refusals": {"()": RefusalsInOneLine},
        },
        "formatters": {
            "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]},
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
