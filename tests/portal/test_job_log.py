"""The log of a job: windows of it, what is found in it, the file."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lifecycle.models import Job, JobLogLine, VDisk
from lifecycle.states import JobState, StepState
from portal import joblog, logstream
from tests import factories

AT = datetime(2026, 3, 4, 15, 6, 7, 123456, tzinfo=UTC)


@pytest.fixture
def job(admin: User, vdisk: VDisk) -> Job:
    job = factories.job(vdisk, admin)
    factories.step(job, "Copy the files", StepState.DONE)
    factories.step(job, "Wait until it is off", StepState.WAITING)
    factories.log_lines(job, "one", "two", "three")
    return job


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblog, "PER_WINDOW", 4)
    monkeypatch.setattr(joblog, "CATCH_UP", 10)


def _numbers(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="line-(\d+)"', html)]


def _log(client: Client, job: Job, **asked: object) -> str:
    response = client.get(f"/jobs/{job.pk}/log/", {name: str(value) for name, value in asked.items()})
    assert response.status_code == 200
    return response.content.decode()


def _fragment(client: Client, job: Job, **asked: object) -> str:
    url = f"/jobs/{job.pk}/log/"
    query = {name: str(value) for name, value in asked.items()}
    return client.get(url, query, headers={"HX-Request": "true"}).content.decode()


def _more_lines(job: Job, count: int) -> None:
    factories.log_lines(job, *(f"line number {job.lines + n + 1}" for n in range(count)))


class TestFollowing:
    def test_gives_the_new_lines_and_where_to_go_on(self, as_, auditor: User, job: Job) -> None:
        fragment = _fragment(as_(auditor), job, after=2, follow=1)

        assert _numbers(fragment) == [3]
        assert f'hx-get="/jobs/{job.pk}/log/?after=3&amp;follow=1"' in fragment
        assert f'data-live="job-{job.pk}"' in fragment

    def test_keeps_its_place_when_nothing_is_new(self, as_, auditor: User, job: Job) -> None:
        fragment = _fragment(as_(auditor), job, after=3, follow=1)

        assert fragment.count("<li") == 1
        assert f'hx-get="/jobs/{job.pk}/log/?after=3&amp;follow=1"' in fragment

    @pytest.mark.parametrize("after", ["", "x", "-1", "9" * 40])
    def test_takes_nonsense_for_the_beginning(self, as_, auditor: User, job: Job, after: str) -> None:
        assert _numbers(_fragment(as_(auditor), job, after=after, follow=1)) == [1, 2, 3]

    def test_a_number_after_the_end_gives_nothing_and_goes_on_at_the_end(self, as_, auditor: User, job: Job) -> None:
        fragment = _fragment(as_(auditor), job, after=99, follow=1)

        assert _numbers(fragment) == []
        assert "after=3&amp;" in fragment

    def test_catches_up_in_portions_none_missing_and_none_twice(
        self, as_, auditor: User, job: Job, small_windows: None
    ) -> None:
        client = as_(auditor)
        _more_lines(job, 7)
        seen, url = [], f"/jobs/{job.pk}/log/?after=0&follow=1"

        for _ in range(4):
            fragment = client.get(url, headers={"HX-Request": "true"}).content.decode()
            seen.append(_numbers(fragment))
            url = re.search(r'id="log-tail"[^>]*hx-get="([^"]+)"', fragment)[1].replace("&amp;", "&")
            assert ('hx-trigger="live, load"' in fragment) is (len(seen) < 3)

        assert seen == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]

    def test_after_a_long_absence_shows_the_newest_and_says_what_it_left_out(
        self, as_, auditor: User, job: Job, small_windows: None
    ) -> None:
        _more_lines(job, 97)

        fragment = _fragment(as_(auditor), job, after=3, follow=1)

        assert _numbers(fragment) == [97, 98, 99, 100]
        assert "93 lines left out here." in fragment
        assert f'href="/jobs/{job.pk}/log/?after=3"' in fragment
        assert "after=100&amp;follow=1" in fragment

    def test_a_line_written_while_the_window_is_made_belongs_to_the_next_one(
        self, as_, auditor: User, job: Job
    ) -> None:
        JobLogLine.objects.create(job=job, number=4, text="half written")  # Job.lines is not counted up yet

        fragment = _fragment(as_(auditor), job, after=0, follow=1)

        assert _numbers(fragment) == [1, 2, 3]
        assert "after=3&amp;" in fragment


class TestWindows:
    def test_the_newest_come_first_and_lead_to_earlier_ones(
        self, as_, auditor: User, job: Job, small_windows: None
    ) -> None:
        client = as_(auditor)
        _more_lines(job, 7)

        newest = _log(client, job)
        earlier = _log(client, job, before=7)
        first = _log(client, job, before=3)

        assert _numbers(newest) == [7, 8, 9, 10]
        assert f'href="/jobs/{job.pk}/log/?before=7"' in newest
        assert 'id="log-tail"' in newest
        assert _numbers(earlier) == [3, 4, 5, 6]
        assert f'href="/jobs/{job.pk}/log/?before=3"' in earlier
        assert f'href="/jobs/{job.pk}/log/?after=6"' in earlier
        assert _numbers(first) == [1, 2]
        assert "Earlier lines" not in first

    def test_the_job_page_begins_with_the_newest(self, as_, auditor: User, job: Job, small_windows: None) -> None:
        _more_lines(job, 7)

        page = as_(auditor).get(f"/jobs/{job.pk}/").content.decode()

        assert _numbers(page) == [7, 8, 9, 10]
        assert "Earlier lines" in page

    def test_a_fragment_of_earlier_lines_has_no_second_end(
        self, as_, auditor: User, job: Job, small_windows: None
    ) -> None:
        _more_lines(job, 7)

        fragment = _fragment(as_(auditor), job, before=7)

        assert _numbers(fragment) == [3, 4, 5, 6]
        assert "log-tail" not in fragment
        assert "Later lines" not in fragment

    @pytest.mark.parametrize(("line", "shown"), [(1, [1, 2]), (5, [3, 4, 5, 6]), (10, [8, 9, 10]), (2, [1, 2, 3])])
    def test_jumps_to_a_line(
        self, as_, auditor: User, job: Job, small_windows: None, line: int, shown: list[int]
    ) -> None:
        _more_lines(job, 7)

        page = _log(as_(auditor), job, line=line)

        assert _numbers(page) == shown
        assert ('id="log-tail"' in page) is (shown[-1] == 10)
        assert ("Earlier lines" in page) is (shown[0] > 1)

    def test_says_that_a_line_is_not_there(self, as_, auditor: User, job: Job) -> None:
        page = _log(as_(auditor), job, line=9)

        assert "There is no line 9 yet: the log has 3 lines." in page
        assert _numbers(page) == [1, 2, 3]

    def test_names_a_field_that_makes_no_sense(self, as_, auditor: User, job: Job) -> None:
        page = _log(as_(auditor), job, line="x", level="loud", step="99")

        assert "Line number: Enter a whole number." in page
        assert "Level: Select a valid choice." in page
        assert "Step: Select a valid choice." in page
        assert _numbers(page) == [1, 2, 3]

    def test_each_line_has_an_address_and_its_exact_time(self, as_, auditor: User, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(lines=4, created_at=AT)
        JobLogLine.objects.create(job=job, number=4, text="four", at=AT, step_position=2)

        page = _log(as_(auditor), job, line=4)

        assert f'href="/jobs/{job.pk}/log/?line=4#line-4"' in page
        assert 'title="2026-03-04 15:06:07.123456+00:00">15:06:07.123</time>' in page
        assert 'title="Wait until it is off">step 2</span>' in page

    def test_says_the_day_of_a_line_that_is_not_of_the_first_day(self, as_, auditor: User, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(lines=4, created_at=AT - timedelta(days=1))
        JobLogLine.objects.create(job=job, number=4, text="four", at=AT)

        assert ">2026-03-04 15:06:07.123</time>" in _log(as_(auditor), job)

    def test_shows_lines_as_text(self, as_, auditor: User, job: Job) -> None:
        factories.log_lines(job, "<script>alert(1)</script>")

        assert "&lt;script&gt;alert(1)" in _log(as_(auditor), job)
        assert "&lt;script&gt;alert(1)" in as_(auditor).get(f"/jobs/{job.pk}/").content.decode()

    def test_says_that_nothing_is_written_yet(self, as_, auditor: User, admin: User, vdisk: VDisk) -> None:
        job = factories.job(vdisk, admin, state=JobState.WAITING)

        assert "Nothing is written yet." in _log(as_(auditor), job)


class TestSearching:
    @pytest.fixture
    def mixed(self, job: Job) -> Job:
        rows = [
            JobLogLine(
                job=job,
                number=n,
                step_position=1 + n // 8,
                level="error" if n % 5 == 0 else "warning" if n % 4 == 0 else "info",
                text=f"Block {n} 100%_done" if n % 2 else f"other {n}",
            )
            for n in range(4, 14)
        ]
        JobLogLine.objects.bulk_create(rows)
        Job.objects.filter(pk=job.pk).update(lines=13)
        job.refresh_from_db()
        return job

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ({"level": "error"}, [5, 10]),
            ({"level": "warning"}, [4, 5, 8, 10, 12]),
            ({"step": 1}, [4, 5, 6, 7]),
            ({"text": "bLOCK"}, [5, 7, 9, 11, 13]),
            ({"text": "%_d"}, [5, 7, 9, 11, 13]),
            ({"text": "k_5"}, []),
            ({"text": "block", "step": 2, "level": "warning"}, []),
            ({"text": "other", "step": 2, "level": "warning"}, [8, 10, 12]),
        ],
    )
    def test_shows_what_fits(self, as_, auditor: User, mixed: Job, asked: dict[str, object], shown: list[int]) -> None:
        page = _log(as_(auditor), mixed, **asked)

        assert _numbers(page) == shown
        assert ("No line fits." in page) is not shown

    def test_marks_what_was_searched_and_nothing_more(self, as_, auditor: User, job: Job) -> None:
        factories.log_lines(job, "<b> a.c and A.C, not abc")

        page = _log(as_(auditor), job, text="a.c")

        assert "&lt;b&gt; <mark>a.c</mark> and <mark>A.C</mark>, not abc" in page

    def test_marks_the_first_ones_of_a_great_many(self, as_, auditor: User, job: Job) -> None:
        factories.log_lines(job, "a" * 9000)

        page = _log(as_(auditor), job, text="a")

        assert page.count("<mark>a</mark>") == 200
        assert f"</mark>{'a' * 8800}<" in re.sub(r"</mark>\s+", "</mark>", page)

    def test_a_hit_leads_to_its_place_in_the_whole_log(self, as_, auditor: User, mixed: Job) -> None:
        page = _log(as_(auditor), mixed, text="block 9")

        assert f'href="/jobs/{mixed.pk}/log/?line=9#line-9"' in page

    def test_hits_come_in_windows_too(self, as_, auditor: User, mixed: Job, small_windows: None) -> None:
        client = as_(auditor)

        newest = _log(client, mixed, text="block")
        earlier = _log(client, mixed, text="block", before=7)

        assert _numbers(newest) == [7, 9, 11, 13]
        assert f'href="/jobs/{mixed.pk}/log/?before=7&amp;text=block"' in newest
        assert _numbers(earlier) == [5]
        assert "Earlier lines" not in earlier

    def test_a_search_goes_on_with_what_is_written_later(self, as_, auditor: User, mixed: Job) -> None:
        first = _log(as_(auditor), mixed, text="block")
        factories.log_lines(mixed, "block 14", "other 15")

        fragment = _fragment(as_(auditor), mixed, after=13, follow=1, text="block")

        assert "?after=13&amp;follow=1&amp;text=block" in first
        assert _numbers(fragment) == [14]
        assert "?after=15&amp;follow=1&amp;text=block" in fragment

    def test_one_that_takes_too_long_is_stopped_and_says_so(
        self, as_, auditor: User, mixed: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joblog, "SEARCH_SECONDS", 0.05)

        def slow(execute, sql, params, many, context):
            if "UPPER" in sql:  # the search itself, as it would be on a log that is too long
                return execute("SELECT pg_sleep(60)", (), many, context)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(slow):
            page = _log(as_(auditor), mixed, text="block")

        assert "The search was stopped after 0 s; it had not looked at all 13 lines." in page
        assert "Choose one step or a level" in page
        assert _numbers(_log(as_(auditor), mixed)) != []
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)

    def test_no_window_counts_or_skips_by_offset(self, as_, auditor: User, mixed: Job, small_windows: None) -> None:
        client = as_(auditor)
        asked: list[dict[str, object]] = [{}, {"before": 9}, {"after": 5}, {"line": 7}, {"text": "block"}]
        for each in asked:
            with CaptureQueriesContext(connection) as asked_of_it:
                _log(client, mixed, **each)

            log_statements = _about_lines(asked_of_it)
            assert log_statements
            assert not [sql for sql in log_statements if "COUNT(" in sql.upper() or "OFFSET" in sql.upper()]


class TestDownload:
    def test_has_every_line_with_number_time_step_and_level(self, as_, auditor: User, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(lines=4)
        JobLogLine.objects.create(job=job, number=4, level="warning", text="four", at=AT, step_position=2)

        response = as_(auditor).get(f"/jobs/{job.pk}/log.txt")
        lines = _content(response).splitlines()

        assert response.is_async  # a server would gather the whole of a sync one before it sends
        assert response["Content-Type"].startswith("text/plain")
        assert "attachment" in response["Content-Disposition"]
        assert lines[0] == f"Promote to test: W11-Office (job {job.pk})"
        assert "step 2: Wait until it is off" in lines
        assert [line.split()[-1] for line in lines[-4:]] == ["one", "two", "three", "four"]
        assert lines[-1] == "      4 2026-03-04T15:06:07.123456+00:00 step 2   warning four"

    def test_comes_in_portions_of_one_query_each(
        self, as_, auditor: User, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logstream, "PORTION", 10)
        _more_lines(job, 22)

        response = as_(auditor).get(f"/jobs/{job.pk}/log.txt")
        with CaptureQueriesContext(connection) as asked:
            portions = _portions(response)

        assert [portion.count("\n") for portion in portions[1:]] == [10, 10, 5]
        assert len(_about_lines(asked)) == 3

    def test_a_text_of_several_lines_cannot_pose_as_lines_of_the_log(self, as_, auditor: User, job: Job) -> None:
        factories.log_lines(job, "first\n      5 2026-01-01T00:00:00.000000+00:00 job      info    forged")

        lines = _content(as_(auditor).get(f"/jobs/{job.pk}/log.txt")).splitlines()

        assert lines[-1].startswith("\t      5 ")

    @pytest.mark.parametrize("mark", ["\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
    def test_a_line_stays_one_line_whatever_a_reader_takes_for_a_break(
        self, as_, auditor: User, job: Job, mark: str
    ) -> None:
        factories.log_lines(job, f"first{mark}      5 2026-01-01T00:00:00.000000+00:00 job      info    forged")

        lines = _content(as_(auditor).get(f"/jobs/{job.pk}/log.txt")).splitlines()

        assert "forged" in lines[-1]
        assert lines[-1].startswith("      4 ")

    def test_what_would_command_a_terminal_is_shown_by_a_sign(self, as_, auditor: User, job: Job) -> None:
        factories.log_lines(job, "\x1b[2Jred\x1b[0m\tbell\a\x7f\x9b1m")

        text = _content(as_(auditor).get(f"/jobs/{job.pk}/log.txt"))

        assert "␛[2Jred␛[0m\tbell␇␡\N{REPLACEMENT CHARACTER}1m\n" in text

    def test_titles_and_the_outcome_cannot_pose_as_lines_either(self, as_, auditor: User, job: Job) -> None:
        forged = "first\n      9 2026-01-01T00:00:00.000000+00:00 job      info    forged"
        job.steps.update(title=forged)
        Job.objects.filter(pk=job.pk).update(title=forged, outcome=forged)

        lines = _content(as_(auditor).get(f"/jobs/{job.pk}/log.txt")).splitlines()

        assert sum(line.startswith("\t      9 ") for line in lines) == 4
        assert not any(line.startswith("      9 ") for line in lines)


def _about_lines(asked: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in asked.captured_queries if "joblogline" in query["sql"]]


def _portions(response) -> list[str]:
    async def read() -> list[str]:
        return [portion.decode() async for portion in response.streaming_content]

    return async_to_sync(read)()


def _content(response) -> str:
    return "".join(_portions(response))
