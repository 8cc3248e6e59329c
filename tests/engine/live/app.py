"""The product's Celery application with the gated kind of jobs added: `celery -A tests.engine.live.app worker`."""

from builders.celery import app

app.conf.imports = [*app.conf.imports, "tests.engine.live.kind"]

__all__ = ["app"]
