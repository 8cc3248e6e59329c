"""Lines in a job's log that no step writes: what people and the house-keeping do with a job."""

from __future__ import annotations

from django.db.models import F
from django.db.models.functions import Now

from lifecycle.models import Job, JobLogLine
from lifecycle.secret_patterns import mask_patterns


def append(job: Job, text: str, *, level: str = JobLogLine.Level.INFO) -> None:
    """One more line, numbered after the last. Inside a transaction, so that number and line come together.

    What looks like a secret is masked: parts of the text are typed by people.
    """
    Job.objects.filter(pk=job.pk).update(lines=F("lines") + 1)
    number = Job.objects.values_list("lines", flat=True).get(pk=job.pk)
    JobLogLine.objects.create(job_id=job.pk, number=number, level=level, text=mask_patterns(text), at=Now())
