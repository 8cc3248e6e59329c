"""/metrics: the format, the promised names, the figures against the rows, and who may read it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from lifecycle.models import Farm, Hold, Schedule, VDisk, Worker
from lifecycle.states import JobState
from tests import factories
from tests.portal.test_operations import many_jobs

As = Callable[[User], Client]
TOKEN = "a-token-of-good-length-0123456789"
NAMES = {
    "workers",
    "worker_threads",
    "worker_busy_threads",
    "worker_memory_bytes",
    "sessions",
    "sessions_limit",
    "host_resting",
    "jobs",
    "jobs_ended_last_day",
    "jobs_queued",
    "jobs_due",
    "jobs_late",
    "jobs_in_hand",
    "jobs_resting",
    "longest_late_seconds",
    "longest_queued_seconds",
    "job_duration_seconds",
    "places_held",
    "places_limit",
    "places_wanted",
    "vdisks_locked",
    "jobs_keeping",
    "jobs_keeping_undecided",
    "schedules",
    "schedules_late",
    "farm_synced_timestamp_seconds",
    "farm_late",
    "farm_sync_failed",
    "farm_turned_away",
    "redis_up",
    "queue_messages",
    "troubles",
    "scrape_errors",
    "scrape_duration_seconds",
}
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def token(settings: Any) -> str:
    settings.PORTAL_METRICS_TOKEN = TOKEN
    return TOKEN


def _scrape(token: str = TOKEN, **headers: str) -> Any:
    return Client().get("/metrics", headers={"Authorization": f"Bearer {token}", **headers})


def _series(families: Iterable[Any]) -> Series:
    found: Series = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name.removeprefix("vdisk_portal_"), frozenset(sample.labels.items()))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found


def _figures(token: str) -> Series:
    response = _scrape(token)
    assert response.status_code == 200
    return _series(plain_text(response.content.decode()))


def _of(figures: Series, name: str, **labels: str) -> float:
    return figures[name, frozenset(labels.items())]


class TestFormat:
    def test_is_text_with_all_promised_names(self, token: str, vdisk: VDisk) -> None:
        response = _scrape(token)

        families = {family.name: family for family in plain_text(response.content.decode())}
        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        assert set(families) == {f"vdisk_portal_{name}" for name in NAMES}
        assert all(family.documentation for family in families.values())
        assert families["vdisk_portal_job_duration_seconds"].type == "summary"

    def test_is_openmetrics_for_whom_prefers_it(self, token: str, vdisk: VDisk) -> None:
        response = _scrape(token, Accept="application/openmetrics-text; version=1.0.0")

        assert response["Content-Type"].startswith("application/openmetrics-text")
        assert {family.name for family in open_metrics(response.content.decode())} == {
            f"vdisk_portal_{name}" for name in NAMES
        }

    @pytest.mark.parametrize(
        "accept", ["application/openmetrics-text; version=abc", "text/plain; version=1.0.x", "x/y; version=1", ";,;="]
    )
    def test_is_text_for_whom_asks_for_what_there_is_not(self, token: str, vdisk: VDisk, accept: str) -> None:
        response = _scrape(token, Accept=accept)

        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        assert {family.name for family in plain_text(response.content.decode())} >= {"vdisk_portal_jobs"}

    def test_names_no_person_and_no_job(self, token: str, admin: User, vdisk: VDisk) -> None:
        job = factories.job(vdisk, admin, title="Secret plan", lease_until=timezone.now() + timedelta(minutes=1))
        Hold.objects.create(resource=f"vdisk:{vdisk.pk}", slot=1, job=job)
        factories.worker(drain_asked_by=admin, drain_asked_at=timezone.now())

        text = _scrape(token).content.decode()

        assert "admin" not in text
        assert "Secret plan" not in text
        assert "vdisk:" not in text


class TestFigures:
    def test_of_workers_equal_the_rows(self, token: str, db: None) -> None:
        session = {"host": "PVS01", "limit": 4}
        factories.worker(
            "celery@a",
            memory_mib=100,
            busy=[{"job": 7, "task": "builders.advance_job", "since": timezone.now().isoformat()}],
            sessions=[session | {"open": 3, "in_use": 1, "resting": False}],
        )
        factories.worker(
            "celery@b", memory_mib=50, sessions=[session | {"open": 2, "in_use": 2, "resting": True}], process=2
        )
        factories.worker("celery@b", memory_mib=10, drain_asked_at=timezone.now(), process=3)
        factories.worker("celery@dead", silent_seconds=100)
        factories.beat()

        figures = _figures(token)

        assert _of(figures, "workers", role="worker", state="alive") == 2
        assert _of(figures, "workers", role="worker", state="draining") == 1
        assert _of(figures, "workers", role="worker", state="dead") == 1
        assert _of(figures, "workers", role="beat", state="alive") == 1
        assert _of(figures, "worker_memory_bytes", worker="celery@a") == 100 * 1024 * 1024
        assert _of(figures, "worker_memory_bytes", worker="celery@b") == 60 * 1024 * 1024
        assert _of(figures, "worker_threads", worker="celery@b") == 8
        assert _of(figures, "worker_busy_threads", worker="celery@a") == 1
        assert _of(figures, "sessions", host="PVS01", state="in-use") == 3
        assert _of(figures, "sessions", host="PVS01", state="idle") == 2
        assert _of(figures, "sessions_limit", host="PVS01") == 8
        assert _of(figures, "host_resting", host="PVS01") == 1
        assert _of(figures, "troubles", weight="bad") == 0
        assert _of(figures, "troubles", weight="warn") == 2  # one is dead, one host rests

    def test_of_jobs_equal_the_rows(self, token: str, admin: User, vdisk: VDisk) -> None:
        now = timezone.now()
        admitted = {"writes": False, "admitted_at": now - timedelta(hours=1)}
        factories.job(vdisk, admin, lease_until=now + timedelta(minutes=5), **admitted)
        factories.job(vdisk, admin, due_at=now + timedelta(minutes=5), **admitted)
        factories.job(vdisk, admin, due_at=now - timedelta(seconds=120), **admitted)
        factories.job(vdisk, admin, due_at=now - timedelta(seconds=2), **admitted)
        factories.job(vdisk, admin, state=JobState.WAITING, writes=False, due_at=now - timedelta(seconds=300))
        for seconds in range(1, 101):
            start = now - timedelta(seconds=seconds)
            factories.job(vdisk, admin, state=JobState.SUCCEEDED, kind="merge", started_at=start, ended_at=now)
        long_ago = now - timedelta(days=3)
        factories.job(vdisk, admin, state=JobState.FAILED, started_at=long_ago, ended_at=long_ago)
        factories.job(vdisk, admin, state=JobState.FAILED, kept="A version")

        figures = _figures(token)

        assert _of(figures, "jobs", state="running") == 4
        assert _of(figures, "jobs", state="waiting") == 1
        assert _of(figures, "jobs", state="undoing") == 0
        assert _of(figures, "jobs_in_hand") == 1
        assert _of(figures, "jobs_resting") == 1
        assert _of(figures, "jobs_due") == 2
        assert _of(figures, "jobs_late") == 1
        assert _of(figures, "jobs_queued") == 1
        assert _of(figures, "longest_late_seconds") >= 120
        assert _of(figures, "longest_queued_seconds") >= 300
        assert _of(figures, "jobs_ended_last_day", state="succeeded") == 100
        assert _of(figures, "jobs_ended_last_day", state="failed") == 1
        assert _of(figures, "jobs_keeping") == 1
        assert _of(figures, "jobs_keeping_undecided") == 1
        assert _of(figures, "job_duration_seconds", kind="merge", quantile="0.5") == pytest.approx(50.5)
        assert _of(figures, "job_duration_seconds", kind="merge", quantile="0.9") == pytest.approx(90.1)

    def test_of_places_equal_the_holds(self, token: str, admin: User, vdisk: VDisk, settings: Any) -> None:
        settings.PORTAL_LIMITS = {"host": 8, "store": 0, "kind": 0}
        for slot in (1, 2):
            job = factories.job(vdisk, admin, writes=False)
            Hold.objects.create(resource="host:Test Farm", slot=slot, job=job)
        Hold.objects.create(resource=f"vdisk:{vdisk.pk}", slot=1, job=job)
        factories.job(vdisk, admin, writes=False, state=JobState.WAITING, needs=["kind:merge", "host:Test Farm"])

        figures = _figures(token)

        assert _of(figures, "places_held", resource="host:Test Farm") == 2
        assert _of(figures, "places_limit", resource="host:Test Farm") == 8
        assert _of(figures, "places_wanted", resource="host:Test Farm") == 1
        assert _of(figures, "vdisks_locked") == 1
        assert {dict(labels)["resource"] for name, labels in figures if name == "places_held"} == {"host:Test Farm"}

    def test_of_schedules_and_farms_equal_the_rows(self, token: str, admin: User, vdisk: VDisk) -> None:
        common = {"kind": "merge", "vdisk": vdisk, "cron": "0 3 * * *", "owner": admin}
        Schedule.objects.create(name="Nightly", paused_at=timezone.now(), **common)
        Schedule.objects.create(name="Weekly", next_at=timezone.now() - timedelta(minutes=5), **common)
        read_at = timezone.now() - timedelta(hours=1)
        Farm.objects.update(synced_at=read_at, sync_error="PVS01 cannot be reached.")

        figures = _figures(token)

        assert _of(figures, "schedules", state="active") == 1
        assert _of(figures, "schedules", state="paused") == 1
        assert _of(figures, "schedules_late") == 1
        assert _of(figures, "farm_synced_timestamp_seconds", farm="Test Farm") == pytest.approx(read_at.timestamp())
        assert _of(figures, "farm_late", farm="Test Farm") == 1
        assert _of(figures, "farm_sync_failed", farm="Test Farm") == 1
        assert _of(figures, "farm_turned_away", farm="Test Farm") == 0

    @pytest.mark.parametrize("count", [10, 1000])
    def test_ask_as_much_for_many_jobs_as_for_few(
        self, token: str, admin: User, vdisk: VDisk, count: int, django_assert_num_queries: Any
    ) -> None:
        many_jobs(vdisk, admin, count)

        with django_assert_num_queries(SCRAPE_QUERIES):
            figures = _figures(token)

        assert _of(figures, "jobs_queued") == count // 2
        assert _of(figures, "places_held", resource="host:Test Farm") == count // 2


SCRAPE_QUERIES = 13


class TestWhatCannotBeRead:
    def test_one_part_is_left_out_and_said(
        self, token: str, vdisk: VDisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def away() -> None:
            raise OperationalError("the connection was closed")

        monkeypatch.setattr("lifecycle.operating.capacities_now", away)

        figures = _figures(token)

        assert _of(figures, "scrape_errors", part="locks") == 1
        assert _of(figures, "scrape_errors", part="jobs") == 0
        assert _of(figures, "jobs_due") == 0
        assert not [name for name, _labels in figures if name.startswith("places_")]
        assert "Metrics lack their part locks" in caplog.text

    def test_no_database_is_said_to_a_program_with_the_token(
        self, token: str, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_args: object, **_kwargs: object) -> None:
            raise OperationalError("no database")

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr("django.db.backends.utils.CursorWrapper.execute", away)
            figures = _figures(token)

        assert _of(figures, "scrape_errors", part="jobs") == 1
        assert _of(figures, "redis_up") == 1

    def test_redis_away_is_a_figure_and_no_error(self, token: str, db: None, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        figures = _figures(token)

        assert _of(figures, "redis_up") == 0
        assert _of(figures, "scrape_errors", part="queue") == 0
        assert not [name for name, _labels in figures if name == "queue_messages"]


class TestAccess:
    """Of people, and of programs without a token: tests/portal/test_access.py."""

    @pytest.mark.parametrize("wrong", ["another-token-of-good-length-012345", TOKEN[:-1], TOKEN + "x", "", "tökén"])
    def test_a_wrong_token_is_refused_and_not_logged(
        self, token: str, db: None, wrong: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            response = _scrape(wrong)

        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
        assert b"vdisk_portal" not in response.content
        assert TOKEN not in caplog.text
        assert not wrong or wrong not in caplog.text

    def test_a_wrong_token_is_refused_even_to_a_person_who_may(self, token: str, as_: As, auditor: User) -> None:
        assert as_(auditor).get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401

    @pytest.mark.parametrize("offered", ["", " ", "anything"])
    def test_no_token_comes_in_while_none_is_set(self, settings: Any, db: None, offered: str) -> None:
        settings.PORTAL_METRICS_TOKEN = ""

        assert _scrape(offered).status_code == 401

    def test_another_scheme_is_the_business_of_a_proxy(self, token: str, as_: As, auditor: User) -> None:
        assert as_(auditor).get("/metrics", headers={"Authorization": "Basic eDp5"}).status_code == 200
        assert Client().get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401

    def test_opens_nothing_else(self, token: str, vdisk: VDisk) -> None:
        response = Client().get("/operations/", headers={"Authorization": f"Bearer {token}"})

        assert response.headers["Location"].startswith("/accounts/login/")

    def test_changes_nothing(self, token: str, db: None) -> None:
        response = Client().post("/metrics", headers={"Authorization": f"Bearer {token}"})

        assert response.status_code == 405
        assert not Worker.objects.exists()

    def test_needs_no_session_and_is_kept_by_no_cache(self, token: str, vdisk: VDisk) -> None:
        response = _scrape(token)

        assert not response.cookies
        assert "no-store" in response["Cache-Control"]
