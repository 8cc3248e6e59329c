"""Images of the lab's stores are read by jobs: once for each state, from another server when one is away."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import blake3
import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone

from builders.contents import running
from builders.contents.noticing import have_read_what_is_new
from builders.farms import open_farm
from builders.sync.run import sync_now
from lifecycle import readings
from lifecycle.models import (
    AuditEntry,
    Farm,
    FileComparison,
    Hold,
    ImageContent,
    ImageReading,
    Job,
    Server,
    Store,
    StoreAccess,
    VDisk,
    Version,
    VersionImage,
)
from lifecycle.states import JobState, Reading
from tests.jobs.conftest import connect, finish, turn
from tests.labprocess import LabProcess

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "W11-CAD"


@pytest.fixture
def farm(transactional_db: None, lab: LabProcess) -> Farm:
    """With a way to each server's store, as the demo sets it."""
    farm = connect(lab)
    assert sync_now(farm.pk, open_farm(farm))
    for store in Store.objects.filter(farm=farm):
        for name, folder in lab.info["stores"].items():
            server = Server.objects.get(farm=farm, name=name)
            StoreAccess.objects.create(store=store, server=server, kind=StoreAccess.Kind.LOCAL, path=folder)
    return Farm.objects.get(pk=farm.pk)


@pytest.fixture(autouse=True)
def no_reader_is_left(transactional_db: None) -> Iterator[None]:
    """A thread that still reads would write into the next test's database."""
    yield
    Hold.objects.all().delete()
    Job.objects.active().update(state=JobState.CANCELLED, ended_at=Now(), due_at=Now())
    for _ in range(600):
        if not running.alive():
            return
        time.sleep(0.05)
    raise AssertionError("a reader does not end")


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_superuser("admin")


def newest(name: str = NAME) -> Version:
    return Version.objects.filter(vdisk__name=name, gone_at=None).order_by("-number")[0]


def ask(version: Version, by: User, kind: Reading = Reading.INSPECT) -> Job:
    return finish(readings.start_reading(kind=kind, vdisk=version.vdisk, number=version.number, by=by))


def log_of(job: Job) -> str:
    return "\n".join(job.log.values_list("text", flat=True))


def image_of(version: Version) -> VersionImage:
    return VersionImage.objects.get(version=version)


# --- reading


def test_what_is_in_a_version_is_read_and_kept(farm: Farm, admin: User) -> None:
    version = newest()

    job = ask(version, admin)

    assert job.state == JobState.SUCCEEDED, log_of(job)
    image = image_of(version)
    assert image.content is not None
    assert image.content.fingerprint == image.fingerprint
    assert image.content.report["format"] == 1
    assert image.content.report["os"]["full_build"].startswith("10.0.")
    assert "Citrix Provisioning Target Device" in " ".join(one["name"] for one in image.content.report["programs"])
    assert image.content.items.filter(category="programs").count() > 10
    assert [link["file"] for link in image.links] == [
        link.file_name for link in version.vdisk.chain().links_of(version.number)
    ]
    assert image.problem == ""
    assert image.read_from in Server.objects.values_list("name", flat=True)


def test_the_second_reading_of_the_same_state_reads_nothing(farm: Farm, admin: User) -> None:
    version = newest()
    ask(version, admin)
    (content,) = ImageContent.objects.all()
    ImageReading.objects.all().delete()

    job = finish(_automatic(version))

    assert job.state == JobState.SUCCEEDED, log_of(job)
    assert "read before" in job.outcome
    assert list(ImageContent.objects.all()) == [content]
    assert not ImageReading.objects.exists()


def test_what_a_person_asks_to_be_read_anew_keeps_what_was_whole(farm: Farm, admin: User) -> None:
    version = newest()
    ask(version, admin)
    before = image_of(version).content

    job = ask(version, admin)

    assert job.state == JobState.SUCCEEDED, log_of(job)
    assert ImageReading.objects.filter(job=job).exists()
    if before is not None and not before.partial:
        assert image_of(version).content == before
    assert ImageContent.objects.count() == 1


def test_a_server_that_is_away_is_passed_over(farm: Farm, admin: User) -> None:
    version = newest()
    ask(version, admin)
    first = image_of(version).read_from
    StoreAccess.objects.filter(server__name=first).update(path="/nowhere/at/all")

    job = ask(version, admin)

    assert job.state == JobState.SUCCEEDED, log_of(job)
    assert image_of(version).read_from != first


def test_no_store_in_reach_is_said_on_the_version_and_tried_again_later(farm: Farm, admin: User) -> None:
    version = newest()
    StoreAccess.objects.update(path="/nowhere/at/all")

    job = ask(version, admin)

    assert job.state == JobState.FAILED
    image = image_of(version)
    assert "/nowhere/at/all" in image.problem
    assert image.content is None


def test_a_chain_that_lacks_a_file_everywhere_is_said_in_words(farm: Farm, admin: User, tmp_path: Path) -> None:
    version = newest()
    folder = Path(StoreAccess.objects.all()[0].path)
    for name in (link.file_name for link in version.vdisk.chain().links_of(version.number)[1:]):
        shutil.copy(folder / name, tmp_path / name)
    StoreAccess.objects.update(path=str(tmp_path))

    job = ask(version, admin)

    assert job.state == JobState.FAILED
    assert version.vdisk.chain().links_of(version.number)[0].file_name in image_of(version).problem


def test_a_file_that_is_no_image_ends_in_words_and_the_worker_lives(farm: Farm, admin: User, tmp_path: Path) -> None:
    version = newest()
    for link in version.vdisk.chain().links_of(version.number):
        (tmp_path / link.file_name).write_bytes(b"vhdxfile" + b"\xff" * 400_000)
    StoreAccess.objects.update(path=str(tmp_path))

    job = ask(version, admin)

    assert job.state == JobState.FAILED
    assert image_of(version).problem != ""
    assert image_of(version).retry_at is None, "nothing gets better by itself"


def test_an_account_that_was_turned_away_is_not_tried_again(farm: Farm, admin: User) -> None:
    version = newest()
    StoreAccess.objects.update(turned_away_at=Now())

    job = ask(version, admin)

    assert job.state == JobState.FAILED
    assert "store_access" in image_of(version).problem


# --- when


def _automatic(version: Version) -> Job:
    job = readings.start_automatic(version.vdisk, version.number)
    assert job is not None
    return job


def test_a_sync_has_each_version_read_once(farm: Farm) -> None:
    assert have_read_what_is_new(farm.pk) > 0
    jobs = list(Job.objects.filter(kind=Reading.INSPECT).order_by("id"))
    assert len({(job.vdisk_id, job.version_number) for job in jobs}) == len(jobs)
    assert have_read_what_is_new(farm.pk) == 0 or len(jobs) < readings.AT_ONCE
    assert {job.requested_by.get_username() for job in jobs} == {readings.PORTAL}
    assert not User.objects.get(username=readings.PORTAL).is_active

    version = Version.objects.get(vdisk=jobs[0].vdisk, number=jobs[0].version_number, gone_at=None)
    job = finish(jobs[0])

    assert job.state == JobState.SUCCEEDED, log_of(job)
    image = image_of(version)
    assert not readings.is_due(version.vdisk.chain(), version.number, image, image.reader_version, timezone.now())
    assert readings.is_due(version.vdisk.chain(), version.number, image, "a newer reader", timezone.now())


def test_a_version_that_is_being_written_waits_until_its_target_is_off(farm: Farm, admin: User) -> None:
    version = newest()
    Version.objects.filter(pk=version.pk).update(access=1, device_count=1)
    chain = VDisk.objects.get(pk=version.vdisk_id).chain()

    assert not readings.is_due(chain, version.number, None, "1", timezone.now())
    with pytest.raises(readings.NotNow, match="shut down"):
        ask(version, admin)


def test_a_lock_file_of_pvs_beside_the_newest_file_is_a_warning_of_the_job(farm: Farm, admin: User) -> None:
    version = newest()
    folders = [Path(access.path) for access in StoreAccess.objects.filter(store=version.vdisk.store_id)]
    locks = [(folder / version.file_name).with_suffix(".lok") for folder in folders]
    made = [lock for lock in locks if not lock.exists()]
    words = "it may be streamed or written to now"
    try:
        for lock in made:
            lock.touch()
        job = ask(version, admin)
        assert job.state == JobState.SUCCEEDED, "it is read all the same"
        assert any(words in line.text for line in job.log.filter(level="warning"))
        older = version.vdisk.versions.filter(number__lt=version.number).latest("number")
        assert words not in log_of(ask(older, admin)), "nobody writes to a file below the newest"
    finally:
        for lock in made:
            lock.unlink()


def test_one_reading_of_a_version_at_a_time(farm: Farm, admin: User) -> None:
    version = newest()
    first = _automatic(version)

    assert readings.start_automatic(version.vdisk, version.number) is None
    with pytest.raises(readings.NotNow, match="under way"):
        readings.start_reading(kind=Reading.INSPECT, vdisk=version.vdisk, number=version.number, by=admin)
    assert finish(first).state == JobState.SUCCEEDED


def test_reading_keeps_nobody_from_working_on_the_vdisk(farm: Farm, admin: User) -> None:
    job = _automatic(newest())

    assert not any(need.startswith(("vdisk:", "store:", "host:")) for need in job.needs)
    assert not job.writes
    assert finish(job).state == JobState.SUCCEEDED


# --- lost readers


def test_a_reader_that_was_lost_with_its_worker_is_replaced(farm: Farm, admin: User, monkeypatch: Any) -> None:
    version = newest()
    job = readings.start_reading(kind=Reading.INSPECT, vdisk=version.vdisk, number=version.number, by=admin)
    begun: list[Any] = []
    monkeypatch.setattr(running, "begin", lambda pen, work: begun.append((pen, work)))
    for _ in range(3):
        job = turn(job)
        Job.objects.filter(pk=job.pk).update(due_at=Now())
    assert len(begun) == 1, "while it may be alive, nobody else begins"
    monkeypatch.undo()
    ImageReading.objects.filter(job=job).update(beat_at=Now() - running.STALE * 2)

    job = finish(job)

    assert job.state == JobState.SUCCEEDED, log_of(job)
    assert "begins anew" in log_of(job)
    ((late, work),) = begun
    with pytest.raises(running.GivenUp):
        work(running.Teller(late))
    assert ImageContent.objects.count() == 1


def test_a_cancelled_reading_stops_and_leaves_nothing(farm: Farm, admin: User, monkeypatch: Any) -> None:
    from lifecycle.operations import cancel_job

    version = newest()
    job = readings.start_reading(kind=Reading.INSPECT, vdisk=version.vdisk, number=version.number, by=admin)
    monkeypatch.setattr(running, "begin", lambda pen, work: None)
    turn(job)
    cancel_job(job=job, by=admin)

    job = finish(job)

    assert job.state == JobState.CANCELLED
    assert ImageReading.objects.get(job=job).stop_asked
    assert image_of(version).content is None


# --- hashes and differences


def test_the_full_hash_is_that_of_the_files(farm: Farm, admin: User) -> None:
    version = newest()

    job = ask(version, admin, Reading.HASH)

    assert job.state == JobState.SUCCEEDED, log_of(job)
    image = image_of(version)
    folder = Path(StoreAccess.objects.get(server__name=image.read_from).path)
    for one in image.hashes:
        assert one["blake3"] == blake3.blake3((folder / one["file"]).read_bytes()).hexdigest()
    assert [one["file"] for one in image.hashes] == [link["file"] for link in image.links]
    assert image.hashes[-1]["blake3"] in job.outcome


def test_two_versions_are_compared_file_by_file(farm: Farm, admin: User) -> None:
    versions = list(Version.objects.filter(vdisk__name=NAME, gone_at=None).order_by("number"))

    job = finish(readings.start_comparison(before=versions[0], after=versions[-1], by=admin))

    assert job.state == JobState.SUCCEEDED, log_of(job)
    (found,) = FileComparison.objects.all()
    assert found.before == image_of(versions[0]).fingerprint
    assert found.after == image_of(versions[-1]).fingerprint
    assert "volumes" in found.result


def test_the_audit_trail_says_who_had_what_read(farm: Farm, admin: User) -> None:
    ask(newest(), admin)
    finish(_automatic(Version.objects.get(vdisk__name=NAME, number=0, gone_at=None)))

    entries = AuditEntry.objects.filter(action="job.start.inspect-image").order_by("id")
    assert [entry.actor for entry in entries] == [admin, None]
