"""The product's Celery application with the chaos test's own kind of job, in this process alone, on a clock that jumps.

`celery -A bench.chaos.app worker`. Jobs are run by the product's own task, runner and recorder.
"""

from bench.chaos import skew

skew.install()

from builders.celery import app  # noqa: E402

app.conf.imports = [*app.conf.imports, "bench.chaos.registry"]

__all__ = ["app"]
