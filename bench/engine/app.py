"""The product's Celery application with the benchmark's own work added, in this process alone.

`celery -A bench.engine.app worker`. Jobs are run by the product's own task, runner and recorder.
"""

from builders.celery import app

app.conf.imports = [*app.conf.imports, "bench.engine.tasks"]

__all__ = ["app"]
