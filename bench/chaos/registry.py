"""Makes the kind known to this process; loaded by Celery once Django is ready."""

from bench.chaos import kind
from builders.jobs import KINDS

KINDS[kind.KIND] = kind.steps
