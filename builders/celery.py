"""The Celery application: `celery -A builders worker` and `celery -A builders beat`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from celery import Celery

app = Celery("builders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["builders"])
