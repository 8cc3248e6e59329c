import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from lifecycle import operations
from lifecycle.models import AuditEntry, VDisk
from lifecycle.states import Action, ChangeEvent, Reading
from portal.pictures.deeds import deed
from tests import factories


@pytest.fixture
def entry(admin: User, vdisk: VDisk) -> AuditEntry:
    operations.request_promotion(vdisk=vdisk, version=4, by=admin, reason="Tested for two days", ticket="CHG-1")
    return AuditEntry.objects.get()


def test_says_who_did_what_to_what_under_which_change(as_, auditor: User, entry: AuditEntry) -> None:
    page = as_(auditor).get("/audit/").content.decode()

    row = page.split(f'id="entry-{entry.pk}"')[1].split("</tr>")[0]
    assert "admin" in row
    assert "requested production" in row
    assert "change.request" in row
    assert "W11-Office version 4 to production" in row
    assert f'href="/changes/{entry.change_id}/"' in row
    assert "Tested for two days" in row
    assert entry.hash[:10] in row


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("person=ADM", True),
        ("person=helpdesk", False),
        ("action=change", True),
        ("action=job", False),
        ("on=w11", True),
        ("on=W2022", False),
        ("since={today}&until={today}", True),
        ("since=2099-01-01", False),
        ("until=2001-01-01", False),
        ("since=yesterday", True),
    ],
)
def test_is_filtered(as_, auditor: User, entry: AuditEntry, query: str, is_found: bool) -> None:
    today = timezone.localdate().isoformat()

    page = as_(auditor).get(f"/audit/?{query.format(today=today)}").content.decode()

    assert ("Tested for two days" in page) is is_found


_OF_JOBS = [
    "job.resume",
    "job.restart",
    "job.keep",
    "job.remind",
    "job.clean-up",
    "job.cleaned-up",
    "job.decide",
    "store.access",
    "store.access-removed",
    "watch.keep",
    "watch.drop",
    "worker.drain",
    "worker.undrain",
]


@pytest.mark.parametrize(
    "code",
    [*(f"change.{event}" for event in ChangeEvent), *(f"job.start.{kind}" for kind in (*Action, *Reading)), *_OF_JOBS],
)
def test_has_words_for_every_deed(code: str) -> None:
    assert deed(code) != ""


def test_is_one_query_and_a_count_for_many(
    as_, auditor: User, entry: AuditEntry, vdisk: VDisk, admin: User, django_assert_max_num_queries
) -> None:
    job = factories.job(vdisk, admin)
    for _ in range(60):
        AuditEntry.objects.record(by=admin, action="test.act", on=vdisk, job=job)
    client = as_(auditor)

    with django_assert_max_num_queries(12):  # 2 of the list; session, user, 2 of rights, 3 badges, 3 of the farm
        page = client.get("/audit/").content.decode()

    assert "Page 1 of 2" in page


def test_proves_the_trail_when_asked(as_, auditor: User, entry: AuditEntry) -> None:
    page = as_(auditor).post("/audit/verify/", follow=True).content.decode()

    assert "The trail is whole: 1 entry," in page


def test_says_where_the_trail_is_broken(as_, auditor: User, entry: AuditEntry) -> None:
    with connection.cursor() as cursor:  # past the guard, as somebody with rights on the database could
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE lifecycle_auditentry SET actor_name = 'somebody else'")
        cursor.execute("SET LOCAL session_replication_role = origin")

    page = as_(auditor).post("/audit/verify/", follow=True).content.decode()

    assert f"The trail is broken at entry {entry.pk}" in page


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_date_out_of_all_sense_is_a_message_and_no_fault(as_, auditor: User, day: str) -> None:
    assert as_(auditor).get(f"/audit/?until={day}").status_code in (200, 422)


def test_opening_the_address_of_the_proof_leads_to_the_trail(as_, auditor: User) -> None:
    assert as_(auditor).get("/audit/verify/").headers["Location"] == "/audit/"
