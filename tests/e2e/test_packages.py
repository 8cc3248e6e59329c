"""The package catalogue before a real browser: an upload that is cut, a package out of it, and no scripts at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests import installerfiles
from tests.e2e.conftest import NewPerson

pytestmark = pytest.mark.browser
PIECE = 8 * 1024 * 1024


def test_an_upload_that_is_cut_goes_on_and_fills_in_a_package(person: NewPerson, tmp_path: Path) -> None:
    installer = tmp_path / "7z2408-x64.msi"
    installer.write_bytes(installerfiles.msi().ljust(2 * PIECE + 1000, b"\0"))
    admin = person("admin")
    offsets: list[str] = []

    def once_cut(route: Route) -> None:
        offset = route.request.headers.get("upload-offset")
        if offset is not None:
            offsets.append(offset)
        if offsets.count(str(PIECE)) == 1 and offset == str(PIECE):
            route.abort()
        else:
            route.continue_()

    admin.page.route("**/packages/uploads/*/", once_cut)
    admin.goto("/packages/installers/")
    admin.page.get_by_label("Installer or other file").set_input_files(installer)
    admin.page.get_by_role("button", name="Upload").click()
    expect(admin.page.get_by_role("heading", name="7z2408-x64.msi", level=1)).to_be_visible(timeout=60_000)

    assert offsets == ["0", str(PIECE), str(PIECE), str(2 * PIECE)]
    assert [each for each in admin.complaints if "net::ERR_FAILED" not in each] == []
    admin.complaints.clear()
    admin.page.get_by_role("link", name="New package from it").click()
    expect(admin.page.get_by_label("Vendor")).to_have_value("Igor Pavlov")
    expect(admin.page.get_by_label("Install command", exact=True)).to_have_value(
        'msiexec /i "7z2408-x64.msi" /qn /norestart'
    )
    admin.page.get_by_label("Owner").fill("Desktop team")
    admin.page.get_by_role("button", name="Save the package").click()
    expect(admin.page.get_by_role("heading", name="7-Zip 24.08 (x64 edition) 24.08.00.0", level=1)).to_be_visible()
    admin.page.get_by_role("button", name="Declare ready").click()
    expect(admin.page.locator("#package .title-row").first).to_contain_text("ready")


def test_works_without_scripts(person: NewPerson, tmp_path: Path) -> None:
    installer = tmp_path / "npp.exe"
    installer.write_bytes(installerfiles.program({"ProductName": "Desktop Ruler"}, image=b"Nullsoft.NSIS.exehead"))
    admin = person("admin", java_script_enabled=False)
    admin.goto("/packages/installers/")
    admin.page.get_by_label("Installer or other file").set_input_files(installer)
    admin.page.get_by_role("button", name="Upload").click()
    admin.page.get_by_role("link", name="New package from it").click()

    expect(admin.page.get_by_label("Install command", exact=True)).to_have_value('"npp.exe" /S')
    admin.page.get_by_label("service", exact=True).check()
    admin.page.get_by_label("Service", exact=True).last.fill("npp")
    admin.page.get_by_label("Time limit (minutes)").fill("0")
    admin.page.get_by_role("button", name="Save the package").click()
    expect(admin.page.get_by_role("alert").first).to_contain_text("not saved yet")
    admin.page.get_by_label("Time limit (minutes)").fill("10")
    admin.page.get_by_role("button", name="Save the package").click()

    expect(admin.page.locator("#package")).to_contain_text("service npp")
