"""The operations page: what it says of workers, queue, locks and troubles, and the buttons that drain a worker."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from lifecycle.draining import ask_drain, take_up_again
from lifecycle.errors import NotAllowed, NotNow
from lifecycle.models import AuditEntry, Farm, Hold, Job, Schedule, VDisk, Worker
from lifecycle.states import JobState
from portal import queues
from tests import factories

As = Callable[[User], Client]


@pytest.fixture
def crew(db: None) -> Worker:
    """A worker and a beat that have just reported."""
    factories.beat()
    return factories.worker()


def _page(client: Client) -> str:
    return client.get("/operations/").content.decode()


def _words(client: Client) -> str:
    """What a reader sees of it, blanks made one."""
    text = _page(client).partition('<main id="content"')[2]
    inside = "".join(part.partition(">")[2] for part in text.split("<"))
    return " ".join(inside.replace("&quot;", '"').replace("&#x27;", "'").split())


class TestVerdict:
    def test_says_that_everything_runs(self, as_: As, auditor: User, crew: Worker, vdisk: VDisk) -> None:
        assert "Everything runs." in _words(as_(auditor))

    def test_says_what_to_start_when_nobody_is_there(self, as_: As, auditor: User, db: None) -> None:
        words = _words(as_(auditor))

        assert "No worker is alive: jobs wait.Start one: celery -A builders worker -P threads -c 4" in words
        assert "No beat is alive" in words
        assert "Start one: celery -A builders beat --pidfile=" in words
        assert "Everything runs" not in words

    def test_says_when_all_workers_drain(self, as_: As, admin: User, crew: Worker) -> None:
        ask_drain(crew, admin)

        words = _words(as_(admin))

        assert "No worker takes new work: celery@worker1 was asked to drain. Jobs wait." in words

    def test_one_that_drains_beside_one_that_works_is_no_trouble(self, as_: As, admin: User, crew: Worker) -> None:
        ask_drain(factories.worker("celery@worker2"), admin)

        assert "Everything runs." in _words(as_(admin))

    def test_names_a_worker_that_fell_silent(self, as_: As, auditor: User, crew: Worker) -> None:
        factories.worker("celery@worker2", silent_seconds=300, process=815)

        assert "The worker celery@worker2 (process 815 on worker1) fell silent without a goodbye" in _words(
            as_(auditor)
        )

    def test_forgets_a_dead_worker_whose_place_was_taken(self, as_: As, auditor: User, crew: Worker) -> None:
        factories.worker(crew.name, silent_seconds=300, process=815)

        words = _words(as_(auditor))

        assert "Everything runs." in words
        assert "process 815" not in words

    def test_a_beat_elsewhere_takes_nobodys_place(self, as_: As, auditor: User, crew: Worker) -> None:
        """All beats bear one name."""
        factories.beat(machine="worker2", silent_seconds=300)

        assert "The beat beat@worker1 (process 4711 on worker2) fell silent" in _words(as_(auditor))

    def test_says_that_redis_is_away_and_stays_readable(
        self, as_: As, auditor: User, crew: Worker, settings: Any
    ) -> None:
        client = as_(auditor)
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        words = _words(client)

        assert "Redis does not answer: no job reaches a worker" in words
        assert "unknown Redis is away" in words

    def test_says_that_jobs_are_late(self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk) -> None:
        long_ago = timezone.now() - timedelta(minutes=5)
        factories.job(vdisk, admin, title="Promote W11", due_at=long_ago, admitted_at=long_ago)

        words = _words(as_(auditor))

        assert "1 job is late" in words
        assert "Late jobs Promote W11 asked for by admin, due for 5 min" in words

    def test_says_that_the_farm_is_late_or_failed(self, as_: As, auditor: User, crew: Worker, vdisk: VDisk) -> None:
        Farm.objects.update(sync_error="PVS01 cannot be reached.")

        assert "Reading Test Farm failed: PVS01 cannot be reached." in _words(as_(auditor))

    def test_says_that_pvs_refused_the_account(self, as_: As, auditor: User, crew: Worker, vdisk: VDisk) -> None:
        Farm.objects.update(turned_away_at=timezone.now(), sync_error="Logon failure")

        assert "PVS Test Farm refused the portal's account" in _words(as_(auditor))

    def test_the_worst_stands_on_top(self, as_: As, auditor: User, vdisk: VDisk) -> None:
        Farm.objects.update(sync_error="PVS01 cannot be reached.")

        words = _words(as_(auditor))

        assert words.index("No worker is alive") < words.index("Reading Test Farm failed")


class TestWorkers:
    def test_shows_what_a_worker_has_in_hand(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk
    ) -> None:
        job = factories.job(vdisk, admin, title="Merge W11")
        since = (timezone.now() - timedelta(minutes=3)).isoformat()
        crew.busy = [
            {"job": job.pk, "task": "builders.advance_job", "since": since},
            {"job": None, "task": "builders.sync_farm", "since": since},
        ]
        crew.sessions = [{"host": "PVS01", "open": 3, "in_use": 1, "limit": 4, "resting": True}]
        crew.memory_mib = 123.4
        crew.save()

        page, words = _page(as_(auditor)), _words(as_(auditor))

        assert f'href="/jobs/{job.pk}/">Merge W11</a>' in page
        assert "Merge W11 for 3 min" in words
        assert "Reads the farm for 3 min" in words
        assert "Sessions with PVS01: 3 open, 1 in use, 4 allowed resting, it could not be reached" in words
        assert "123 MiB · 2 of 4 threads free" in words
        assert "PVS01 could not be reached a moment ago" in words

    def test_adds_up_the_sessions_of_several_workers(self, as_: As, auditor: User, crew: Worker) -> None:
        session = {"host": "PVS01", "open": 3, "in_use": 1, "limit": 4, "resting": False}
        Worker.objects.filter(pk=crew.pk).update(sessions=[session])
        assert "of all together" not in _words(as_(auditor))

        factories.worker("celery@b", sessions=[session])

        assert "of all together PVS01: 6 open, 2 in use, 8 allowed" in _words(as_(auditor))

    def test_tells_alive_silent_draining_drained_stopped_and_dead(
        self, as_: As, auditor: User, admin: User, db: None
    ) -> None:
        now = timezone.now()
        asked = {"drain_asked_at": now, "drain_asked_by": admin}
        expected = {
            factories.worker("celery@a").pk: "alive",
            factories.worker("celery@b", silent_seconds=12).pk: "silent for 1",
            factories.worker("celery@c", **asked).pk: "draining",
            factories.worker("celery@d", drained_at=now, **asked).pk: "drained",
            factories.worker("celery@e", stopped_at=now).pk: "stopped",
            factories.worker("celery@f", silent_seconds=100).pk: "dead",
        }

        page = _page(as_(auditor))

        for pk, state in expected.items():
            row = page.partition(f'id="worker-{pk}"')[2].partition("</li>")[0]
            assert state in row.partition("</p>")[0], state

    def test_what_a_dead_one_had_in_hand_is_not_told_as_now(self, as_: As, auditor: User, crew: Worker) -> None:
        since = timezone.now().isoformat()
        busy = [{"job": None, "task": "builders.sync_farm", "since": since}]
        factories.worker("celery@b", silent_seconds=100, busy=busy)

        assert "Reads the farm" not in _words(as_(auditor))


class TestWhatWaits:
    def test_says_for_whom_the_first_in_the_queue_waits(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk
    ) -> None:
        holder = factories.job(vdisk, admin, title="Merge W11")
        Hold.objects.create(resource=f"vdisk:{vdisk.pk}", slot=1, job=holder)
        factories.job(
            vdisk,
            admin,
            state=JobState.WAITING,
            title="Reboot W11",
            queues=True,
            needs=[f"vdisk:{vdisk.pk}"],
            due_at=timezone.now() - timedelta(minutes=7),
        )

        words = _words(as_(auditor))

        assert "Reboot W11, asked for by admin, waits for 7 min" in words
        assert "vDisk W11-Office is held by Merge W11 (admin, for" in words
        assert "vDisk W11-Office: 1 of 1 wanted by 1 queued job Merge W11" in words

    def test_shows_limits_with_their_use_and_where_they_are_set(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk, settings: Any
    ) -> None:
        settings.PORTAL_LIMITS = {"host": 8, "store": 0, "kind": 0}
        for slot in (1, 2, 3):
            job = factories.job(vdisk, admin, title=f"Boot {slot}", writes=False, needs=["host:Test Farm"])
            Hold.objects.create(resource="host:Test Farm", slot=slot, job=job)

        words = _words(as_(auditor))

        assert "farm Test Farm: 3 of 8 Boot 1" in words
        assert "set with PORTAL_LIMITS" in words
        assert "host=8 kind=0 store=0" in words
        assert f"The stores: store:{vdisk.store_id} (vDisks)." in words

    def test_counts_jobs_by_what_they_do_and_state(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk
    ) -> None:
        later = timezone.now() + timedelta(minutes=5)
        factories.job(vdisk, admin, writes=False, lease_until=later)
        factories.job(vdisk, admin, writes=False, due_at=later)
        factories.job(vdisk, admin, writes=False, state=JobState.WAITING)
        factories.job(vdisk, admin, state=JobState.FAILED)

        page = _page(as_(auditor))

        assert _tile(page, "active jobs") == "3"
        assert _tile(page, "in hand of a worker") == "1"
        assert _tile(page, "waiting for an answer from outside") == "1"
        assert _tile(page, "queued for a place") == "1"
        assert "2 running" in page
        assert "1 failed in 24 h" in page


def _tile(page: str, label: str) -> str:
    return page.partition(f"<dt>{label}</dt><dd>")[2].partition("<")[0].strip()


class TestTheRest:
    def test_shows_what_failed_jobs_keep_and_until_when(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk
    ) -> None:
        until = timezone.now() + timedelta(hours=5)
        kept = {"state": JobState.FAILED, "kept": "Version 5 of W11-Office, in maintenance"}
        factories.job(vdisk, admin, title="Kept for now", kept_until=until, **kept)
        factories.job(vdisk, admin, title="Kept for ever", **kept)
        factories.job(vdisk, admin, title="Cleaned up", cleaned_up_at=timezone.now(), **kept)

        words = _words(as_(auditor))

        assert f"Kept for now until {until:%Y-%m-%d %H:%M}Version 5 of W11-Office" in words
        assert "Kept for ever a person must decide" in words
        assert "Cleaned up" not in words

    def test_shows_schedules_that_paused_themselves(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk
    ) -> None:
        common = {"kind": "merge", "vdisk": vdisk, "cron": "0 3 * * *", "owner": admin}
        Schedule.objects.create(name="Nightly", paused_at=timezone.now(), paused_why="3 failures in a row", **common)
        Schedule.objects.create(name="Weekly", next_at=timezone.now() - timedelta(minutes=5), **common)

        words = _words(as_(auditor))

        assert "1 active, 1 paused, 1 late." in words
        assert "Nightly paused 0 s ago3 failures in a row" in words
        assert "1 schedule is late" in words


class TestPage:
    def test_is_in_the_navigation_of_those_who_may_see_it(self, as_: As, auditor: User, helpdesk: User) -> None:
        assert 'href="/operations/"' in _page(as_(auditor))
        assert 'href="/operations/"' not in as_(helpdesk).get("/").content.decode()

    def test_refreshes_itself_with_and_without_javascript(self, as_: As, auditor: User, crew: Worker) -> None:
        client = as_(auditor)
        page = _page(client)
        fragment = client.get("/operations/", headers={"HX-Request": "true"}).content.decode()

        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page
        assert 'data-live="operations" hx-get="/operations/" hx-trigger="live, every 5s"' in page
        assert "<html" not in fragment
        assert 'id="verdict"' in fragment
        assert 'hx-swap-oob="true"' in fragment
        assert page.count('id="verdict"') == 1

    @pytest.mark.parametrize("count", [10, 1000])
    def test_asks_as_much_for_many_jobs_as_for_few(
        self, as_: As, auditor: User, admin: User, crew: Worker, vdisk: VDisk, count: int, django_assert_num_queries
    ) -> None:
        many_jobs(vdisk, admin, count)
        client = as_(auditor)
        client.get("/operations/")

        with django_assert_num_queries(PAGE_QUERIES):
            page = _page(client)

        assert _tile(page, "queued for a place") == str(count // 2)


PAGE_QUERIES = 26


def many_jobs(vdisk: VDisk, by: User, count: int) -> None:
    """A half of them waits, the other half is at work and holds a place of the host; as many have ended."""
    now = timezone.now()
    common = {"kind": "merge", "farm": vdisk.farm, "requested_by": by, "writes": False, "needs": ["host:Test Farm"]}
    rows = [
        Job(title=f"Job {i}", state=JobState.WAITING, due_at=now - timedelta(minutes=1), **common)
        if i % 2
        else Job(title=f"Job {i}", state=JobState.RUNNING, admitted_at=now, due_at=now + timedelta(hours=1), **common)
        for i in range(count)
    ]
    made = Job.objects.bulk_create(rows)
    ended = {"state": JobState.SUCCEEDED, "started_at": now - timedelta(seconds=30), "ended_at": now}
    Job.objects.bulk_create([Job(title=f"Done {i}", **common, **ended) for i in range(count)])
    working = [job for job in made if job.state == JobState.RUNNING]
    Hold.objects.bulk_create([Hold(resource="host:Test Farm", slot=n, job=job) for n, job in enumerate(working, 1)])


class TestDrain:
    def test_an_admin_drains_a_worker_and_takes_it_up_again(self, as_: As, admin: User, crew: Worker) -> None:
        client = as_(admin)
        assert f'action="/operations/workers/{crew.pk}/drain/"' in _page(client)

        words = client.post(f"/operations/workers/{crew.pk}/drain/", follow=True).content.decode()

        crew.refresh_from_db()
        assert (crew.drain_asked_at is not None, crew.drain_asked_by) == (True, admin)
        assert "takes no more work and finishes what it has" in words
        assert "admin asked it" in words
        assert f'action="/operations/workers/{crew.pk}/undrain/"' in words

        client.post(f"/operations/workers/{crew.pk}/undrain/")

        crew.refresh_from_db()
        assert (crew.drain_asked_at, crew.drain_asked_by, crew.drained_at) == (None, None, None)
        deeds = AuditEntry.objects.order_by("id").values_list("action", "actor_name", "object_type", "object_id")
        assert list(deeds) == [
            ("worker.drain", "admin", "worker", str(crew.pk)),
            ("worker.undrain", "admin", "worker", str(crew.pk)),
        ]

    def test_a_second_click_changes_nothing_and_says_so(self, as_: As, admin: User, crew: Worker) -> None:
        client = as_(admin)
        client.post(f"/operations/workers/{crew.pk}/drain/")
        first = Worker.objects.get(pk=crew.pk).drain_asked_at

        page = client.post(f"/operations/workers/{crew.pk}/drain/", follow=True).content.decode()

        assert "was asked before to take no more work" in page
        assert Worker.objects.get(pk=crew.pk).drain_asked_at == first
        assert AuditEntry.objects.count() == 1

    def test_an_auditor_sees_no_button_and_may_not(self, as_: As, auditor: User, crew: Worker) -> None:
        client = as_(auditor)

        assert "/drain/" not in _page(client)
        assert client.post(f"/operations/workers/{crew.pk}/drain/").status_code == 403
        assert Worker.objects.get(pk=crew.pk).drain_asked_at is None

    def test_the_rule_itself_refuses_whoever_may_not(self, auditor: User, crew: Worker) -> None:
        with pytest.raises(NotAllowed):
            ask_drain(crew, auditor)
        with pytest.raises(NotAllowed):
            take_up_again(crew, auditor)

    def test_a_beat_and_one_that_stopped_are_refused_with_the_reason(self, admin: User, db: None) -> None:
        with pytest.raises(NotNow, match="A beat has nothing to finish"):
            ask_drain(factories.beat(), admin)
        with pytest.raises(NotNow, match="has stopped"):
            ask_drain(factories.worker(stopped_at=timezone.now()), admin)
        with pytest.raises(NotNow, match="takes work already"):
            take_up_again(factories.worker("celery@b"), admin)

        assert not AuditEntry.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_is_told_that_it_was_asked_before(self) -> None:
        from django.db import connection

        worker, by = factories.worker(), factories.person("root", is_superuser=True)
        answers: list[str] = []
        together = threading.Barrier(2)

        def ask() -> None:
            together.wait(30)
            try:
                ask_drain(worker, by)
                answers.append("done")
            except NotNow:
                answers.append("asked before")
            finally:
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert sorted(answers) == ["asked before", "done"]
        assert AuditEntry.objects.count() == 1


def _run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TestCommands:
    def test_lists_who_is_there(self, crew: Worker) -> None:
        words = _run("workers")

        assert f"{crew.pk}  worker  alive     celery@worker1, process 4711: nothing in hand" in words
        assert "beat@worker1" in words

    def test_lists_for_scripts(self, crew: Worker) -> None:
        found = {each["id"]: each for each in json.loads(_run("workers", "--json"))}

        assert found[crew.pk]["state"] == "alive"
        assert found[crew.pk]["jobs"] == []

    def test_says_when_nobody_is_there(self, db: None) -> None:
        assert "No worker and no beat has reported" in _run("workers")

    def test_drains_by_name_and_takes_up_again_by_number(self, crew: Worker) -> None:
        assert "takes no more work" in _run("drain", "celery@worker1")
        assert "was asked before" in _run("drain", "celery@worker1")
        assert Worker.objects.get(pk=crew.pk).drain_asked_at is not None

        _run("drain", str(crew.pk), "--undo")

        assert Worker.objects.get(pk=crew.pk).drain_asked_at is None
        entry = AuditEntry.objects.get(action="worker.drain")
        assert entry.actor_name == "portal"
        assert entry.detail["by"].startswith("command, as ")

    def test_returns_when_it_is_drained(self, crew: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
        def it_finishes(_seconds: float) -> None:
            Worker.objects.filter(pk=crew.pk).update(drained_at=timezone.now())

        monkeypatch.setattr("portal.management.commands.drain.time.sleep", it_finishes)

        assert "celery@worker1 is drained: it can be stopped" in _run("drain", crew.name, "--wait", "60")

    def test_fails_when_it_has_work_in_hand_for_too_long(self, crew: Worker) -> None:
        with pytest.raises(CommandError, match="still has work in hand after 0 s; it goes on draining"):
            _run("drain", crew.name, "--wait", "0")

    @pytest.mark.parametrize("wanted", ["celery@nowhere", "99999999"])
    def test_names_those_it_could_have_been(self, crew: Worker, wanted: str) -> None:
        with pytest.raises(CommandError, match=rf"number or name {wanted}. Alive: .*celery@worker1"):
            _run("drain", wanted)

    def test_asks_for_the_number_when_two_bear_the_name(self, crew: Worker) -> None:
        other = factories.worker(crew.name, process=815)

        with pytest.raises(CommandError, match="2 live processes") as refusal:
            _run("drain", crew.name)

        assert str(other.pk) in str(refusal.value)


class TestQueues:
    def test_counts_what_no_worker_has_taken(self, servers: None) -> None:
        import redis
        from django.conf import settings

        with redis.Redis.from_url(settings.REDIS_URL) as client:
            before = queues.look()
            client.rpush("celery", "{}", "{}")
            client.rpush("celery\x06\x163", "{}")
            try:
                after = queues.look()
            finally:
                client.ltrim("celery", 0, -3)
                client.delete("celery\x06\x163")

        assert before is not None
        assert after is not None
        assert after.queues[0].waiting == before.queues[0].waiting + 3

    def test_says_nothing_when_redis_is_away(self, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        assert queues.look() is None
