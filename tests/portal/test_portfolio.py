"""The portfolio in the browser: what images hold, what covers it, what a person decides, and how readiness rises."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from fpdf import FPDF
from fpdf.table import Row

from lifecycle.contents import program_key
from lifecycle.models import AuditEntry, ImageContent, Package, ProgramRule, VDisk
from lifecycle.packages import catalogue
from lifecycle.packages.terms import Terms
from lifecycle.portfolio.book import Book, Paragraph, Section, Table
from portal.books import pdf
from tests import factories
from tests.factories import contents as read

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def program(name: str, version: str = "1.0", publisher: str = "Maker", **more: Any) -> dict[str, Any]:
    row = {"name": name, "version": version, "publisher": publisher, "kind": "application", "view": "64", **more}
    return {"source": rf"SOFTWARE\Uninstall\{name}", "updates": [], **row}


ZIP = program(
    "7-Zip 23.01 (x64)",
    "23.01",
    "Igor Pavlov",
    uninstall=r'"C:\Program Files\7-Zip\Uninstall.exe"',
    quiet_uninstall=r'"C:\Program Files\7-Zip\Uninstall.exe" /S',
    install_source=r"\\files\install\7zip",
    location=r"C:\Program Files\7-Zip",
)
CAD = program("Big CAD 2024", "24.1.0", "Cadmaker", product_code="{11111111-2222-3333-4444-555555555555}")
REPORT: dict[str, Any] = {
    "format": 1,
    "os": {
        "name": "Windows 11 Enterprise",
        "full_build": "10.0.22631.3447",
        "installed_at": "2020-01-01T00:00:00+00:00",
    },
    "platform": {"vmware_tools": {"version": "12.3.0", "source": "x"}, "firmware": "UEFI"},
    "programs": [ZIP, CAD],
    "patches": [{"id": "KB5036893", "name": "Package_for_KB5036893", "state": "installed"}],
    "signs": [{"sign": "pending-reboot", "words": "a restart is pending", "source": "SOFTWARE\\x"}],
    "warnings": [],
}
KEY = program_key("7-Zip 23.01 (x64)", "Igor Pavlov")


@pytest.fixture
def image(vdisk: VDisk, ground: factories.Ground) -> ImageContent:
    ground.targets(3, vdisk, 3)
    return read(vdisk.versions.get(number=3), REPORT)


def address(name: str = "portfolio-program", key: str = KEY) -> str:
    return f"{reverse(name)}?{urlencode({'key': key})}"


def test_nothing_was_read_yet(as_: As, auditor: User, vdisk: VDisk) -> None:
    text = as_(auditor).get(reverse("portfolio")).content.decode()

    assert "No image was read yet" in text


def test_each_program_with_its_images_targets_and_versions(
    as_: As, auditor: User, image: ImageContent, vdisk: VDisk
) -> None:
    read(vdisk.versions.get(number=2), {**REPORT, "programs": [program("7-Zip 22.01", "22.01", "Igor Pavlov")]})

    page = as_(auditor).get(reverse("portfolio"))

    lines = {line.key: line for line in page.context["page_obj"]}
    assert (lines[KEY].images, lines[KEY].targets, lines[KEY].versions) == (1, 3, ("23.01", "22.01"))
    assert "no package" in page.content.decode()


def test_the_list_asks_as_much_for_many_as_for_few(as_: As, auditor: User, image: ImageContent, vdisk: VDisk) -> None:
    client = as_(auditor)
    client.get(reverse("portfolio"))
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(reverse("portfolio"))
    read(vdisk.versions.get(number=4), {"programs": [program(f"Tool {n}") for n in range(300)]})

    with CaptureQueriesContext(connection) as many:
        page = client.get(reverse("portfolio"))

    assert len(page.context["page_obj"]) == 50
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("text=zip", ["7-Zip 23.01 (x64)"]),
        ("text=cadmaker+big", ["Big CAD 2024"]),
        ("cover=uncovered", ["7-Zip 23.01 (x64)", "Big CAD 2024"]),
        ("cover=ready", []),
        ("text=nothing", []),
    ],
)
def test_it_can_be_filtered(as_: As, auditor: User, image: ImageContent, query: str, names: list[str]) -> None:
    page = as_(auditor).get(f"{reverse('portfolio')}?{query}")

    assert sorted(line.name for line in page.context["page_obj"]) == names


def test_a_filter_that_makes_no_sense_is_said(as_: As, auditor: User, image: ImageContent) -> None:
    page = as_(auditor).get(f"{reverse('portfolio')}?cover=everything")

    assert not page.context["page_obj"].object_list
    assert "everything" in page.content.decode()


def test_an_uncovered_program_becomes_a_package_draft_in_one_click(as_: As, admin: User, image: ImageContent) -> None:
    answer = as_(admin).post(reverse("portfolio-draft"), {"key": KEY})

    package = Package.objects.get()
    current = package.current
    assert current is not None
    assert answer.status_code == 302
    assert (package.key, package.state) == ("7-zip", "draft")
    assert (current.name, current.vendor, current.version) == ("7-Zip", "Igor Pavlov", "23.01")
    assert current.uninstall_command == "", "a command out of an image is for a person to judge"
    assert r'The image says it is uninstalled by: "C:\Program Files\7-Zip\Uninstall.exe" /S' in current.notes
    assert current.detection == {"name": "7-Zip*"}
    assert r"\\files\install\7zip" in current.notes
    assert current.install_command == "", "nobody knows how it was installed silently"
    assert ProgramRule.objects.get().package == package
    assert {"package.create", "program.decide"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_a_draft_is_of_the_newest_version_of_the_program(
    as_: As, admin: User, image: ImageContent, vdisk: VDisk
) -> None:
    read(vdisk.versions.get(number=4), {"programs": [program("7-Zip 24.08 (x64)", "24.08", "Igor Pavlov")]})
    read(vdisk.versions.get(number=1), {"programs": [program("7-Zip 9.20", "9.20", "Igor Pavlov")]})

    as_(admin).post(reverse("portfolio-draft"), {"key": KEY})

    current = Package.objects.get().current
    assert current is not None
    assert current.version == "24.08"
    assert "version 4" in current.notes


def test_a_second_click_makes_no_second_draft(as_: As, admin: User, image: ImageContent) -> None:
    client = as_(admin)
    client.post(reverse("portfolio-draft"), {"key": KEY})

    answer = client.post(reverse("portfolio-draft"), {"key": KEY}, follow=True)

    assert Package.objects.count() == 1
    assert "is decided already" in answer.content.decode()


def test_a_draft_takes_another_key_where_one_is_taken(as_: As, admin: User, image: ImageContent) -> None:
    catalogue.make("7-zip", Terms(name="Something else altogether"), by=admin)

    as_(admin).post(reverse("portfolio-draft"), {"key": KEY})

    assert set(Package.objects.values_list("key", flat=True)) == {"7-zip", "7-zip-2"}


def test_names_from_an_image_are_data(as_: As, admin: User, vdisk: VDisk) -> None:
    name = '<script>alert(1)</script>"\u202e\u0007 ' + "x" * 400
    read(vdisk.versions.get(number=3), {"programs": [program(name, "1\n2", "<b>")]})
    client = as_(admin)

    text = client.get(reverse("portfolio")).content.decode()
    key = client.get(reverse("portfolio")).context["page_obj"][0].key
    answer = client.post(reverse("portfolio-draft"), {"key": key}, follow=True)

    assert "<script>alert(1)" not in text + answer.content.decode()
    assert answer.status_code == 200
    assert Package.objects.count() == 1


def test_readiness_rises_with_each_decision(as_: As, admin: User, image: ImageContent, vdisk: VDisk) -> None:
    client, page = as_(admin), reverse("vdisk-readiness", args=[vdisk.pk])
    before = client.get(page).context["judged"]

    client.post(reverse("portfolio-decide"), {"key": KEY, "needs_none": "comes with the base image"})

    after = client.get(page).context["judged"]
    assert (before.percent, after.percent) == (0, 50)
    assert before.open_programs == 2
    assert after.open_programs == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "Choose a package, or say why none is needed"),
        ({"needs_none": "x" * 300}, "at most 250"),
        ({"package": "999"}, "Select a valid choice"),
    ],
)
def test_a_decision_that_says_nothing_is_refused(
    as_: As, admin: User, image: ImageContent, more: dict[str, str], words: str
) -> None:
    answer = as_(admin).post(reverse("portfolio-decide"), {"key": KEY, **more})

    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not ProgramRule.objects.exists()


def test_both_at_once_are_refused_and_what_was_typed_is_kept(as_: As, admin: User, image: ImageContent) -> None:
    package = catalogue.make("zip", Terms(name="7-Zip"), by=admin)

    answer = as_(admin).post(reverse("portfolio-decide"), {"key": KEY, "package": package.pk, "needs_none": "a reason"})

    assert answer.status_code == 400
    assert "a reason" in answer.content.decode()


def test_a_decision_can_be_withdrawn(as_: As, admin: User, image: ImageContent) -> None:
    client = as_(admin)
    client.post(reverse("portfolio-decide"), {"key": KEY, "needs_none": "no longer wanted"})

    client.post(reverse("portfolio-withdraw", args=[ProgramRule.objects.get().pk]))

    assert not ProgramRule.objects.exists()
    assert AuditEntry.objects.filter(action="program.withdraw").exists()


def test_what_looks_alike_is_put_to_a_person(as_: As, admin: User, image: ImageContent) -> None:
    catalogue.make("cad", Terms(name="Big CAD", vendor="Cadmaker"), by=admin)

    key = program_key("Big CAD 2024", "Cadmaker")
    page = as_(admin).get(address(key=key))

    assert page.context["line"].match.cover == "unsure"
    assert "Looks like <strong>Big CAD</strong>" in page.content.decode()


def test_a_program_that_no_image_holds_is_not_there(as_: As, admin: User, image: ImageContent) -> None:
    client = as_(admin)

    assert client.get(address(key="nothing")).status_code == 404
    assert client.get(reverse("portfolio-program")).status_code == 404
    assert client.post(reverse("portfolio-draft"), {"key": "nothing"}).status_code == 404
    assert client.post(reverse("portfolio-decide"), {"key": "nothing", "needs_none": "x"}).status_code == 404


def test_a_version_that_left_the_farm_counts_no_more(as_: As, auditor: User, image: ImageContent, vdisk: VDisk) -> None:
    vdisk.versions.filter(number=3).update(gone_at=vdisk.farm.synced_at)

    assert not as_(auditor).get(reverse("portfolio")).context["page_obj"].object_list


def test_readiness_of_what_was_not_read(as_: As, auditor: User, vdisk: VDisk) -> None:
    assert "nobody knows" in as_(auditor).get(reverse("vdisk-readiness", args=[vdisk.pk])).content.decode()


def test_advice_weighs_what_the_image_shows(as_: As, approver: User, image: ImageContent, vdisk: VDisk) -> None:
    page = as_(approver).get(f"{reverse('vdisk-advice', args=[vdisk.pk])}?wanted=tools")

    text = page.content.decode()
    assert page.context["situation"].hypervisor == "vsphere"
    assert page.context["advice"].advised.method == "reverse"
    assert "2 programs of the image would not come back" in text
    assert "not possible" in text


def test_advice_for_what_nobody_offers_is_said(as_: As, approver: User, vdisk: VDisk) -> None:
    page = as_(approver).get(f"{reverse('vdisk-advice', args=[vdisk.pk])}?wanted=magic&days_left=-1")

    assert "advice" not in page.context
    assert "Select a valid choice" in page.content.decode()


def test_the_build_book_tells_what_there_is(as_: As, auditor: User, image: ImageContent, vdisk: VDisk) -> None:
    text = as_(auditor).get(reverse("vdisk-book", args=[vdisk.pk])).content.decode()

    for words in (
        "Build book of W11-Office",
        "7-Zip 23.01 (x64)",
        "10.0.22631.3447",
        "KB5036893",
        "a restart is pending",
    ):
        assert words in text


def test_a_part_of_the_platform_is_one_line_of_the_book(as_: As, auditor: User, vdisk: VDisk) -> None:
    tools = program("VMware Tools", "12.3.0", "VMware, Inc.", kind="platform")
    read(vdisk.versions.get(number=4), REPORT | {"programs": [ZIP, tools]})

    text = as_(auditor).get(f"{reverse('vdisk-book', args=[vdisk.pk])}?as=md").content.decode()

    (line,) = [line for line in text.splitlines() if line.startswith("| VMware Tools")]
    assert "12.3.0" in line.replace("\\", "")
    assert "no package" in line


def test_the_build_book_as_markdown(as_: As, auditor: User, image: ImageContent, vdisk: VDisk) -> None:
    answer = as_(auditor).get(f"{reverse('vdisk-book', args=[vdisk.pk])}?as=md")

    text = answer.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="build-book-w11-office.md"'
    assert text.startswith("# Build book of W11\\-Office")
    assert "| 7\\-Zip 23.01 \\(x64\\) | 23.01 | Igor Pavlov |" in text


def test_the_build_book_as_pdf(as_: As, auditor: User, vdisk: VDisk) -> None:
    report = {**REPORT, "programs": [program("Łódź Grüße Ελλάδα 日本語 \u0007"), *REPORT["programs"]]}
    read(vdisk.versions.get(number=3), report)

    answer = as_(auditor).get(f"{reverse('vdisk-book', args=[vdisk.pk])}?as=pdf")

    assert answer["Content-Type"] == "application/pdf"
    assert BytesIO(answer.content).read(5) == b"%PDF-"


def test_a_pdf_of_a_report_of_any_size_stays_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    said: list[str] = []
    cell, multi_cell = Row.cell, FPDF.multi_cell
    monkeypatch.setattr(Row, "cell", lambda row, text="", **kw: (drawn.append(text), cell(row, text, **kw))[1])
    monkeypatch.setattr(
        FPDF,
        "multi_cell",
        lambda page, w, h=None, text="", **kw: (said.append(text), multi_cell(page, w, h, text, **kw))[1],
    )
    monkeypatch.setattr(pdf, "CELLS_AT_MOST", 600)
    programs = Table(("Program", "Publisher"), tuple((f"Tool {n} " + "x" * 5000, "") for n in range(5000)), 7)
    sections = tuple(Section(f"Part {n}", (programs, Paragraph("y" * 50_000))) for n in range(4))

    pdf.write(Book("Build book", timezone.now(), sections))

    assert 500 <= len(drawn) <= 600
    assert max(map(len, drawn)) == pdf.LONGEST
    shown = [sum(text.startswith(f"Tool {n} ") for text in drawn) for n in (0, 149, 150)]
    assert shown == [2, 1, 0]
    assert f"{5007 - pdf.ROWS_AT_MOST} more are left out here." in said
    assert "5007 more are left out here." in said
    assert max(map(len, said)) == pdf.TEXT_AT_MOST


def test_all_tables_of_a_pdf_share_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Table] = []
    monkeypatch.setattr(pdf, "_block", lambda _paper, block: drawn.append(block))
    programs = Table(("a", "b", "c", "d"), (("x", "y", "z", ""),) * 5000)

    pdf.write(Book("Build book", timezone.now(), (Section("All", (programs,) * 30),)))

    assert sum(len(each.heads) * (len(each.rows) + 1) for each in drawn if each.rows) >= pdf.CELLS_AT_MOST - 4
    assert sum(len(each.heads) * (len(each.rows) + 1) for each in drawn if each.rows) <= pdf.CELLS_AT_MOST
    assert [len(each.rows) + each.left_out for each in drawn] == [5000] * 30


LIKE_A_VISITOR = ("view_package", "view_content", "view_vdisk")


@pytest.mark.parametrize("lacks", LIKE_A_VISITOR)
def test_who_may_not_see_contents_vdisks_and_packages_sees_no_page_of_them(
    as_: As, stranger: User, vdisk: VDisk, lacks: str
) -> None:
    names = [name for name in LIKE_A_VISITOR if name != lacks]
    stranger.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = as_(stranger)

    for address in (reverse("portfolio"), *(reverse(f"vdisk-{name}", args=[vdisk.pk]) for name in VDISK_PAGES)):
        assert client.get(address).status_code == 404


VDISK_PAGES = ("readiness", "advice", "book")


@pytest.mark.parametrize(
    ("more", "titles"),
    [
        ([], []),
        (["view_job"], ["What was done"]),
        (["view_changerequest"], ["How it came to production"]),
        (["view_changerequest", "view_job"], ["How it came to production", "What was done"]),
    ],
)
def test_the_book_tells_of_requests_and_jobs_to_who_may_see_them(
    as_: As, stranger: User, vdisk: VDisk, more: list[str], titles: list[str]
) -> None:
    stranger.user_permissions.set(Permission.objects.filter(codename__in=[*LIKE_A_VISITOR, *more]))

    text = as_(stranger).get(f"{reverse('vdisk-book', args=[vdisk.pk])}?as=md").content.decode()

    assert [line[3:] for line in text.splitlines() if line.startswith("## ")][3:] == titles


def test_a_book_of_what_was_never_read_says_so(as_: As, auditor: User, vdisk: VDisk) -> None:
    assert "No version was read yet" in as_(auditor).get(reverse("vdisk-book", args=[vdisk.pk])).content.decode()
    assert as_(auditor).get(f"{reverse('vdisk-book', args=[vdisk.pk])}?as=exe").status_code == 404
