"""The pages of the package catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lifecycle.models import AuditEntry, Installer, Package
from lifecycle.packages import catalogue, findings, importing, terms
from lifecycle.packages.terms import File
from portal.forms.packages import RevisionForm, token
from portal.pictures.deeds import deed
from tests import factories
from tests.lifecycle.packagebox import SEVEN_ZIP, in_place, package, stored

ROLES = {"anonymous": 302, "stranger": 404, "helpdesk": 404, "auditor": 200, "approver": 200, "admin": 200}
OF_ADMINS = {"anonymous": 302, "stranger": 404, "helpdesk": 404, "auditor": 403, "approver": 403, "admin": 200}


def text_of(page: Any) -> str:
    """What a reader sees, in one line."""
    body = page.content.decode().partition("<main")[2].partition("</main>")[0].replace("&quot;", '"')
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def filled_in(of: terms.Terms = SEVEN_ZIP, **values: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    given = RevisionForm.values(of)
    for name in ("success_codes", "reboot_codes"):
        given[name] = ", ".join(map(str, given[name]))
    return given | values


@pytest.fixture
def browser(as_: Callable[[User], Client], admin: User) -> Client:
    return as_(admin)


@pytest.fixture
def seven_zip(admin: User) -> Package:
    return catalogue.make("7-zip", SEVEN_ZIP, owner="Desktop team", by=admin)


# --- who


@pytest.mark.parametrize("who", ROLES)
def test_is_for_those_who_may(who: str, seven_zip: Package, as_, request: pytest.FixtureRequest) -> None:
    client = Client() if who == "anonymous" else as_(request.getfixturevalue(who))
    pk = seven_zip.pk

    for path in ("", f"{pk}/", f"{pk}/compare/", f"{pk}/package.yaml", "packages.yaml"):
        assert client.get(f"/packages/{path}").status_code == ROLES[who], path
    for path in ("new/", f"{pk}/revise/", f"{pk}/retire/", "import/", "installers/"):
        assert client.get(f"/packages/{path}").status_code == OF_ADMINS[who], path
    if ROLES[who] == 200 and OF_ADMINS[who] != 200:
        for path in ("ready/", "owner/", "retire/", "tested/", "revise/", "reinstate/"):
            assert client.post(f"/packages/{pk}/{path}", {"owner": "x", "note": "y"}).status_code == 403
        main = client.get(f"/packages/{pk}/").content.decode().split("<main")[1]
        assert "<button" not in main
        assert "/revise/" not in main


# --- the list


def test_lists_packages_with_what_is_wrong_with_them(browser: Client, admin: User, seven_zip: Package) -> None:
    package("broken", admin, owner="", install_command="")

    page = text_of(browser.get("/packages/"))

    assert "2 packages; 2 with something that keeps them from being ready" in page
    assert "7-Zip 24.08 Igor Pavlov · application · 64-bit (x64) · Windows Installer (MSI)" in page
    assert "7-zip , revision 1 · Desktop team" in page
    assert "source file not in place no owner no install command" in page


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", "7-zip runtime"),
        ("text=pavlov+24", "7-zip runtime"),
        ("text=7-ZIP", "7-zip"),
        ("text=nobody", ""),
        ("phase=runtime", "runtime"),
        ("owner=server", "runtime"),
        ("finding=no-detection", "runtime"),
        ("finding=any", "7-zip runtime"),
        ("finding=cycle", ""),
        ("state=retired", "old"),
        ("state=all", "7-zip old runtime"),
        ("state=ready", ""),
        ("phase=nonsense", "7-zip runtime"),
    ],
)
def test_is_filtered(browser: Client, admin: User, seven_zip: Package, query: str, keys: str) -> None:
    package("runtime", admin, phase="runtime", owner="Server team", detection_kind="", detection={})
    catalogue.retire(package("old", admin), reason="Old", by=admin)

    page = browser.get(f"/packages/?{query}").content.decode()

    assert sorted(re.findall(r'<span class="mono">([^<]+)</span>, revision', page)) == keys.split()


def test_a_filter_that_makes_no_sense_is_named(browser: Client) -> None:
    assert "Phase: Select a valid choice" in text_of(browser.get("/packages/?phase=nonsense"))


def test_the_list_takes_no_more_queries_for_more_packages(browser: Client, admin: User, seven_zip: Package) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get("/packages/")
        return len(queries)

    one = asked()
    for n in range(60):
        package(f"p{n}", admin, needs=("7-zip",))

    assert asked() == one
    assert "Page 1 of 2" in text_of(browser.get("/packages/"))


def test_an_empty_catalogue_says_how_to_begin(browser: Client) -> None:
    assert "The catalogue is empty. Upload an installer" in text_of(browser.get("/packages/"))


# --- one package


def test_shows_a_package_with_all_that_belongs_to_it(browser: Client, admin: User) -> None:
    package("vc-redist", admin, phase="runtime")
    made = stored("7-zip", admin, needs=("vc-redist",), notes="One\nTwo", install_command="msiexec /i a.msi")

    page = text_of(browser.get(f"/packages/{made.pk}/"))

    assert "Command may ask questions The install command may wait for an answer for ever." in page
    assert "Windows Installer (MSI) keeps silent with /qn." in page
    assert "MSI product code {23170F69-40C1-2702-2408-000001000000}" in page
    assert "0 for success; 1641, 3010 for success after a restart" in page
    assert "Order of installation vc-redist 24.08 runtime 7-zip 24.08 application" in page
    assert "7-zip.msi in place" in page
    assert "Needed by 7-zip" in text_of(browser.get(f"/packages/{Package.objects.get(key='vc-redist').pk}/"))


def test_what_people_write_is_shown_as_text(browser: Client, admin: User) -> None:
    made = package("odd", admin, notes="<script>alert(1)</script>", vendor="<b>V</b>")

    for path in ("", f"{made.pk}/", f"{made.pk}/compare/", f"{made.pk}/revise/"):
        page = browser.get(f"/packages/{path}").content.decode()
        assert "<script>alert" not in page
        assert "<b>V</b>" not in page


def test_is_declared_ready_or_says_why_not(browser: Client, admin: User, seven_zip: Package) -> None:
    refused = browser.post(f"/packages/{seven_zip.pk}/ready/")
    assert refused.status_code == 409
    assert "It cannot be declared ready. 7z2408-x64.msi is not in the package folder." in text_of(refused)

    in_place(*SEVEN_ZIP.files, by=admin)

    assert "The package is ready." in text_of(browser.post(f"/packages/{seven_zip.pk}/ready/", follow=True))
    seven_zip.refresh_from_db()
    assert seven_zip.state == "ready"
    assert browser.post(f"/packages/{seven_zip.pk}/ready/").status_code == 409


def test_gets_another_owner(browser: Client, admin: User, seven_zip: Package) -> None:
    browser.post(f"/packages/{seven_zip.pk}/owner/", {"owner": "Server team"})

    seven_zip.refresh_from_db()
    assert seven_zip.owner == "Server team"
    in_place(*SEVEN_ZIP.files, by=admin)
    catalogue.declare_ready(seven_zip, by=admin)
    refused = browser.post(f"/packages/{seven_zip.pk}/owner/", {"owner": ""})
    assert refused.status_code == 422
    assert "A ready package needs an owner." in text_of(refused)


def test_is_retired_for_a_reason_and_reinstated(browser: Client, seven_zip: Package) -> None:
    assert browser.post(f"/packages/{seven_zip.pk}/retire/", {}).status_code == 422

    page = text_of(browser.post(f"/packages/{seven_zip.pk}/retire/", {"reason": "Nobody uses it"}, follow=True))
    assert "Retired: Nobody uses it" in page
    assert "Findings" not in page

    assert "a draft again" in text_of(browser.post(f"/packages/{seven_zip.pk}/reinstate/", follow=True))


def test_is_not_retired_while_it_is_needed(browser: Client, admin: User, seven_zip: Package) -> None:
    package("app", admin, needs=("7-zip",))

    refused = browser.post(f"/packages/{seven_zip.pk}/retire/", {"reason": "Old"})

    assert refused.status_code == 409
    assert "It is needed by app." in text_of(refused)
    assert "Old" in refused.content.decode()


def test_a_test_by_hand_is_noted_with_how(browser: Client, seven_zip: Package) -> None:
    refused = browser.post(f"/packages/{seven_zip.pk}/tested/", {"passed": "yes", "note": ""})
    assert refused.status_code == 422
    assert "Say how it was tried" in text_of(refused)

    page = text_of(
        browser.post(f"/packages/{seven_zip.pk}/tested/", {"passed": "yes", "note": "On TEST01"}, follow=True)
    )

    assert "installed Ada Berger" in page
    assert "On TEST01" in page
    assert "Not tested" not in page


# --- revisions side by side


def test_revisions_stand_side_by_side(browser: Client, admin: User, seven_zip: Package) -> None:
    catalogue.revise(seven_zip, replace(SEVEN_ZIP, version="25", notes="New"), based_on=1, by=admin)

    page = text_of(browser.get(f"/packages/{seven_zip.pk}/compare/"))

    assert "Version changed 24.08 25" in page
    assert re.search(r"Notes changed . New", page)
    assert "Vendor Igor Pavlov Igor Pavlov" in page
    assert page.count("changed ") == 2
    assert "Version changed 25 24.08" in text_of(browser.get(f"/packages/{seven_zip.pk}/compare/?a=2&b=1"))


@pytest.mark.parametrize("query", ["a=9", "a=x", "b=-1", "a=²", "a=99999999999999999999"])
def test_a_revision_that_is_not_there_is_not_found(browser: Client, seven_zip: Package, query: str) -> None:
    assert browser.get(f"/packages/{seven_zip.pk}/compare/?{query}").status_code == 404


# --- the form


def test_a_package_is_made_from_the_form(browser: Client, admin: User) -> None:
    other = package("vc-redist", admin)
    in_place(*SEVEN_ZIP.files, by=admin)

    page = browser.post(
        "/packages/new/", filled_in(needs=["vc-redist"], key="", owner="Desktop team", reason="First"), follow=True
    )

    made = Package.objects.get(key="7-zip")
    assert page.redirect_chain == [(f"/packages/{made.pk}/", 302)]
    assert terms.of(made.current) == replace(SEVEN_ZIP, needs=(other.key,))
    assert (made.owner, made.current.reason) == ("Desktop team", "First")


def test_a_revision_begins_with_the_last_one(browser: Client, admin: User, seven_zip: Package) -> None:
    page = browser.get(f"/packages/{seven_zip.pk}/revise/").content.decode()
    assert 'value="24.08"' in page
    assert f'<option value="{token(SEVEN_ZIP.files[0])}" selected>' in page
    assert 'name="key"' not in page

    browser.post(f"/packages/{seven_zip.pk}/revise/", filled_in(version="24.09", based_on=1))

    seven_zip.refresh_from_db()
    assert terms.of(seven_zip.current) == replace(SEVEN_ZIP, version="24.09")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"key": "Not a key"}, "A key has small letters"),
        ({"key": "taken"}, "There is a package taken already"),
        ({"minutes": "0"}, "greater than or equal to 1"),
        ({"success_codes": "zero"}, "“zero” is no exit code; write numbers"),
        ({"reboot_codes": "0"}, "0 cannot mean success and success after a restart"),
        ({"product-code-code": "none"}, "Product code: this takes a code in braces"),
        ({"detection_kind": "service"}, "Service: say what to look for."),
        ({"main": "nonsense"}, "Select a valid choice"),
        ({"more": ["f" * 64 + ":1:x"]}, "Select a valid choice"),
        ({"needs": ["unknown"]}, "Select a valid choice"),
        ({"needs": ["taken"], "conflicts": ["taken"]}, "It cannot need taken and be in conflict with it."),
        ({"notes": "bell \x07"}, "It holds a control character"),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_is_lost(
    browser: Client, admin: User, values: dict[str, Any], words: str
) -> None:
    package("taken", admin)
    in_place(*SEVEN_ZIP.files, by=admin)

    page = browser.post("/packages/new/", filled_in(key="new", licence_note="Bought 2024") | values)

    assert page.status_code == 422
    assert words in text_of(page)
    assert "Bought 2024" in page.content.decode()
    assert "another look" in text_of(page) or "cannot need" in words or "control" in words
    assert not Package.objects.filter(key="new").exists()


def test_parts_of_another_rule_than_the_chosen_one_do_not_count(browser: Client, admin: User) -> None:
    values = {"detection_kind": "service", "service-name": "7zd", "files": ()}
    browser.post("/packages/new/", filled_in(main="", key="svc") | values)

    assert terms.of(Package.objects.get(key="svc").current).detection == {"name": "7zd"}


def test_saving_over_somebody_else_shows_theirs_first(browser: Client, approver: User, seven_zip: Package) -> None:
    colleague = factories.person("colleague", "admin")
    catalogue.revise(seven_zip, replace(SEVEN_ZIP, vendor="Somebody"), based_on=1, by=colleague)

    page = browser.post(f"/packages/{seven_zip.pk}/revise/", filled_in(version="25", based_on=1))

    assert page.status_code == 409
    assert "Meanwhile colleague saved revision 2." in text_of(page)
    assert "What revision 2 says instead of yours Vendor Somebody Version 24.08" in text_of(page)
    assert 'value="25"' in page.content.decode()
    again = browser.post(f"/packages/{seven_zip.pk}/revise/", filled_in(version="25", based_on=2))
    assert again.status_code == 302


def test_saving_without_a_change_says_so(browser: Client, seven_zip: Package) -> None:
    page = browser.post(f"/packages/{seven_zip.pk}/revise/", filled_in(based_on=1))

    assert page.status_code == 409
    assert "Nothing differs from revision 1" in text_of(page)


def test_an_installer_fills_in_the_form(browser: Client, admin: User) -> None:
    facts = {
        "kind": "msi",
        "name": "7-Zip 24.09",
        "version": "24.09",
        "vendor": "Igor Pavlov",
        "architecture": "x64",
        "product_code": "{23170F69-40C1-2702-2409-000001000000}",
    }
    file = File("7z2409-x64.msi", "9" * 64, 5)
    in_place(file, by=admin, facts=facts)

    page = browser.get(f"/packages/new/?installer={'9' * 64}").content.decode()

    for value in ("7-Zip 24.09", "24.09", "Igor Pavlov", "{23170F69-40C1-2702-2409-000001000000}", "7-zip"):
        assert f'value="{value}"' in page
    assert "msiexec /i &quot;7z2409-x64.msi&quot; /qn /norestart" in page
    assert f'<option value="{token(file)}" selected>' in page


def test_a_newer_installer_fills_in_a_revision_and_keeps_the_rest(
    browser: Client, admin: User, seven_zip: Package
) -> None:
    in_place(File("7z2409.msi", "9" * 64, 5), by=admin, facts={"kind": "msi", "version": "24.09"})

    page = browser.get(f"/packages/{seven_zip.pk}/revise/?installer={'9' * 64}").content.decode()

    assert 'value="24.09"' in page
    assert 'value="Igor Pavlov"' in page
    assert "/i &quot;7z2409.msi&quot; /qn" in page


# --- YAML


def test_is_exported_one_and_all(browser: Client, admin: User, seven_zip: Package) -> None:
    catalogue.retire(package("old", admin), reason="Old", by=admin)

    everything = browser.get("/packages/packages.yaml")
    one = browser.get(f"/packages/{seven_zip.pk}/package.yaml")

    assert everything["Content-Disposition"] == 'attachment; filename="packages.yaml"'
    assert one["Content-Disposition"] == 'attachment; filename="7-zip.yaml"'
    assert everything.content == one.content
    assert "key: 7-zip" in one.content.decode()


def _document(browser: Client) -> str:
    return browser.get("/packages/packages.yaml").content.decode()


def test_an_import_is_shown_before_it_is_saved(browser: Client, seven_zip: Package) -> None:
    document = _document(browser).replace("24.08", "25").replace("\n", "\r\n") + "  - {key: new, name: New}\r\n"
    file = SimpleUploadedFile("packages.yaml", document.encode())

    shown = browser.post("/packages/import/", {"file": file})

    assert shown.status_code == 200
    assert "revision 2 7-zip 7-Zip 25 Version 24.08 becomes 25" in text_of(shown)
    assert "new new New" in text_of(shown)
    assert Package.objects.count() == 1
    digest = re.search(r'name="digest" value="(\w+)"', shown.content.decode())[1]

    saved = browser.post("/packages/import/", {"text": document, "digest": digest}, follow=True)

    assert "Saved: 1 new, 1 revised, 0 with another owner." in text_of(saved)
    seven_zip.refresh_from_db()
    assert (seven_zip.current.version, seven_zip.current.reason) == ("25", "Imported")
    assert "The catalogue says all of this already." in text_of(browser.post("/packages/import/", {"text": document}))


def test_an_import_shows_what_would_be_wrong_before_it_is_saved(browser: Client, seven_zip: Package) -> None:
    digest = "ab" * 32
    document = f"""packages:
  - key: alpha
    name: Alpha
    installer: msi
    install: msiexec /i alpha.msi
    files: [{{name: alpha.msi, sha256: {digest}, size: 5}}]
    needs: [beta]
  - {{key: beta, name: Beta, needs: [alpha]}}
"""
    before = AuditEntry.objects.count()

    page = browser.post("/packages/import/", {"text": document})

    assert page.status_code == 200
    text = text_of(page)
    assert "2 packages would have findings." in text
    assert "These packages need each other: alpha needs beta, beta needs alpha." in text
    assert "alpha.msi is not in the package folder." in text
    assert "The install command may wait for an answer for ever." in text
    assert "Nobody answers for it." in text
    assert "Save all of this" in text
    assert "was never seen to install" not in text, "so is every new revision"
    assert (Package.objects.count(), AuditEntry.objects.count()) == (1, before)


def test_what_an_import_would_show_is_what_stands_there_afterwards(
    browser: Client, admin: User, seven_zip: Package
) -> None:
    document = _document(browser).replace("24.08", "25").replace("owner: Desktop team", "owner: ''")
    plan = importing.plan(document)
    (change,) = plan.changes

    importing.carry_out(document, digest=plan.digest, by=admin)

    afterwards = [each for each in findings.of_package(seven_zip) if each.code != findings.Code.UNTESTED]
    assert list(change.findings) == afterwards
    assert findings.Code.NO_OWNER in {each.code for each in change.findings}


def test_an_import_that_went_stale_is_shown_anew(browser: Client, admin: User, seven_zip: Package) -> None:
    document = _document(browser).replace("24.08", "25")
    shown = browser.post("/packages/import/", {"text": document}).content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', shown)[1]
    catalogue.revise(seven_zip, replace(SEVEN_ZIP, version="26"), based_on=1, by=admin)

    again = browser.post("/packages/import/", {"text": document, "digest": digest})

    assert again.status_code == 409
    assert "The catalogue changed since this was shown." in text_of(again)
    assert "Version 26 becomes 25" in text_of(again)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file, or paste the document below."),
        ({"text": "packages:\n  - key: p\n"}, "Line 2: Package p, name: Say what it is called."),
        ({"text": "x" * (1024 * 1024 + 1)}, "Line 1: the document is larger than 1024 KiB."),
        ({"file": SimpleUploadedFile("a.yaml", b"a: \xff")}, "the first wrong byte is number 4"),
        ({"file": SimpleUploadedFile("a.yaml", b"x" * (1024 * 1024 + 1))}, "larger than 1024 KiB"),
        ({"file": SimpleUploadedFile("a.yaml", b"")}, "there is nothing in it"),
    ],
    ids=["nothing", "mistake", "long text", "no text", "large file", "empty file"],
)
def test_a_document_that_cannot_be_read_is_kept_and_named(browser: Client, sent: dict[str, Any], words: str) -> None:
    page = browser.post("/packages/import/", sent)

    assert page.status_code == 422
    assert words in text_of(page)
    assert "Save all of this" not in text_of(page)


def test_the_text_of_a_document_is_kept_to_mend_it(browser: Client) -> None:
    page = browser.post("/packages/import/", {"text": "packages:\n  - key: p # mend me\n"})

    assert "# mend me" in page.content.decode()


# --- the trail


def test_each_deed_has_words_in_the_trail(browser: Client, admin: User, seven_zip: Package) -> None:
    pk = seven_zip.pk
    in_place(*SEVEN_ZIP.files, by=admin)
    browser.post(f"/packages/{pk}/owner/", {"owner": "Server team"})
    browser.post(f"/packages/{pk}/tested/", {"passed": "no", "note": "Stuck"})
    browser.post(f"/packages/{pk}/ready/")
    browser.post(f"/packages/{pk}/revise/", filled_in(version="25", install_command="", based_on=1))
    browser.post(f"/packages/{pk}/retire/", {"reason": "Old"})
    browser.post(f"/packages/{pk}/reinstate/")
    browser.post(f"/packages/installers/{Installer.objects.get().pk}/check/")

    actions = set(AuditEntry.objects.values_list("action", flat=True))

    assert actions == {
        *(f"package.{deed}" for deed in ["create", "owner", "test", "ready", "revise", "draft", "retire", "reinstate"]),
        "installer.check",
    }
    assert all(deed(action) for action in (*actions, "installer.upload"))
