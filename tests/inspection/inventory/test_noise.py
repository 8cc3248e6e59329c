"""What counts as a program, what is hidden, an update or part of another: a table of the rules, one case a row."""

import pytest

from builders.inspection.inventory import take
from builders.inspection.inventory.names import day_of, kb_in, normal, packed, same_version, unpacked, width
from builders.inspection.inventory.platform_names import platform_kind
from tests.inspection.inventory.made import Windows
from tests.inspection.registry.hive_writer import EXPAND

GUID = "{90160000-008C-0000-0000-0000000FF1CE}"
OTHER = "{26A24AE4-039D-4CA4-87B4-2F64180391F0}"
WIDE = {"DisplayName": "Contoso Tool", "DisplayVersion": "1.2", "Publisher": "Contoso"}
BUNDLE = {"BundleCachePath": r"C:\ProgramData\Package Cache\x\setup.exe", "BundleUpgradeCode": ["{A}"]}
MSI = WIDE | {"WindowsInstaller": 1}
BUNDLE_4 = WIDE | BUNDLE | {"DisplayVersion": "14.38.33135.0120"}


def programs(*entries, user=None):
    """Programs of an image with these entries: (key, view, values)."""
    windows = Windows()
    for key, view, values in entries:
        windows.program(key, view=view, **values)
    for key, values in user or ():
        windows.user("anna").put(rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{key}", values)
    return take(windows.volumes()).programs


def kinds(*entries):
    return [(program["name"], program["kind"]) for program in programs(*entries)]


ONE_ENTRY = [
    # what stands in the key, the kind it becomes; None: it is dropped
    ({"DisplayName": "App"}, "application"),
    ({"DisplayVersion": "1.0"}, None),
    ({"DisplayName": ""}, None),
    ({"DisplayName": "   "}, None),
    ({"DisplayName": "App", "SystemComponent": 1}, "hidden"),
    ({"DisplayName": "App", "SystemComponent": "1"}, "hidden"),
    ({"DisplayName": "App", "SystemComponent": 0}, "application"),
    ({"DisplayName": "App", "SystemComponent": 1, "ParentKeyName": "Office"}, "hidden"),
    ({"DisplayName": "App", "ParentKeyName": "Office"}, "update"),
    ({"DisplayName": "App", "ParentKeyName": ""}, "application"),
    ({"DisplayName": "App", "ParentKeyName": "OperatingSystem"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "Security Update"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "Update Rollup"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "Update"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "Hotfix"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "hotfix"}, "update"),
    ({"DisplayName": "App", "ReleaseType": "Product"}, "application"),
    ({"DisplayName": "Update for X (KB123456)"}, "update"),
    ({"DisplayName": "Update for X (KB12345678)"}, "update"),
    ({"DisplayName": "Update for X (kb5036893)"}, "update"),
    ({"DisplayName": "About KB12345"}, "application"),
    ({"DisplayName": "About KB123456789"}, "application"),
    ({"DisplayName": "AKB123456"}, "application"),
    ({"DisplayName": "VMware Tools"}, "platform"),
    ({"DisplayName": "VMware Tools", "SystemComponent": 1}, "hidden"),
    ({"DisplayName": "Citrix Provisioning Target Device x64"}, "platform"),
    ({"DisplayName": "Citrix Provisioning Console"}, "application"),
    ({"DisplayName": "Citrix Workspace 2403"}, "application"),
]


@pytest.mark.parametrize(("values", "kind"), ONE_ENTRY)
def test_one_entry(values, kind):
    assert [program["kind"] for program in programs(("K", "64", values))] == ([kind] if kind else [])


def test_a_kb_number_in_the_keys_name_makes_an_update():
    assert kinds(("Foo_KB4041234", "64", {"DisplayName": "Foo service release"})) == [("Foo service release", "update")]


@pytest.mark.parametrize(
    ("key", "msi", "code"),
    [(GUID, 1, GUID), (GUID.lower(), 1, GUID), (GUID, 0, ""), ("App", 1, ""), (GUID, None, "")],
)
def test_a_product_code_is_the_keys_name_of_what_the_installer_put_there(key, msi, code):
    values = {"DisplayName": "App"} | ({} if msi is None else {"WindowsInstaller": msi})
    assert programs((key, "64", values))[0]["product_code"] == code


TWO_ENTRIES = [
    # both entries (key, view, values), how many programs they are
    (("T", "64", WIDE), ("T", "32", WIDE), 1),
    (("A", "64", WIDE), ("B", "32", WIDE), 1),
    (("A", "64", WIDE), ("B", "64", WIDE), 2),
    (("T", "64", WIDE), ("T", "32", WIDE | {"DisplayVersion": "1.3"}), 2),
    (("T", "64", WIDE), ("T", "32", WIDE | {"DisplayVersion": "1.2.0"}), 1),
    (("T", "64", WIDE), ("T", "32", WIDE | {"Publisher": "Fabrikam"}), 2),
    (("T", "64", WIDE), ("T", "32", WIDE | {"Publisher": "CONTOSO."}), 1),
    (("A", "64", WIDE | {"DisplayName": "Contoso Tool (x64)"}), ("B", "32", WIDE), 1),
    (("A", "64", WIDE | {"DisplayName": "Contoso Tool 1.2 (64-bit)"}), ("B", "32", WIDE), 1),
    (("A", "64", WIDE | {"DisplayName": "Tool (x64)"}), ("B", "32", WIDE | {"DisplayName": "Tool (x86)"}), 2),
    (("A", "32", WIDE | {"DisplayName": "Tool (x64)"}), ("B", "32", WIDE | {"DisplayName": "Tool (x86)"}), 2),
    (
        ("A", "64", WIDE | {"DisplayName": "Tool (x64)", "InstallLocation": r"C:\Program Files\Tool"}),
        ("B", "32", WIDE | {"DisplayName": "Tool", "InstallLocation": r"C:\Program Files (x86)\Tool"}),
        2,
    ),
    (("B", "32", WIDE | BUNDLE), (GUID, "64", WIDE | {"WindowsInstaller": 1}), 1),
    (("B", "32", WIDE | BUNDLE), (GUID, "32", WIDE | {"WindowsInstaller": 1}), 1),
    (("B", "32", WIDE | BUNDLE), (GUID, "64", WIDE | {"WindowsInstaller": 1, "SystemComponent": 1}), 1),
    (("B", "32", WIDE | BUNDLE), (GUID, "64", WIDE | {"WindowsInstaller": 1, "DisplayVersion": "9"}), 2),
    (("A", "32", WIDE | BUNDLE), ("B", "32", WIDE | BUNDLE), 2),
    ((f"InstallShield_{GUID}", "32", WIDE), (GUID, "32", WIDE | {"SystemComponent": 1}), 1),
    (("T", "64", WIDE | {"InstallLocation": r"C:\A"}), ("T", "32", WIDE | {"InstallLocation": r"C:\B"}), 2),
    (("T", "64", WIDE | {"InstallLocation": r"C:\A"}), ("T", "32", WIDE | {"InstallLocation": '"c:\\a\\"'}), 1),
    (("T", "64", WIDE | {"InstallLocation": r"C:\A"}), ("T", "32", WIDE), 1),
    (("B", "32", BUNDLE_4), (GUID, "64", MSI | {"DisplayVersion": "14.38.33135"}), 1),
    (("B", "32", BUNDLE_4), (GUID, "64", MSI | {"DisplayVersion": "14.38.33135.7", "SystemComponent": 1}), 1),
    (("B", "32", BUNDLE_4), (GUID, "64", MSI | {"DisplayVersion": "14.38.33136"}), 2),
    (("B", "32", BUNDLE_4), (GUID, "64", MSI | {"DisplayVersion": "14.38.33135", "Publisher": "Fabrikam"}), 2),
    (("B", "32", BUNDLE_4), (GUID, "64", MSI | {"DisplayVersion": "14.38.33135", "DisplayName": "Another"}), 2),
    (("B", "32", BUNDLE_4), ("T", "64", WIDE | {"DisplayVersion": "14.38.33135"}), 2),
    (("B", "32", BUNDLE_4), ("C", "32", BUNDLE_4 | {"DisplayVersion": "14.38.33135"}), 2),
    (("T", "64", WIDE | {"DisplayVersion": "1.2.3.4"}), ("T", "32", WIDE | {"DisplayVersion": "1.2.3.5"}), 2),
]


@pytest.mark.parametrize(("one", "other", "count"), TWO_ENTRIES)
def test_two_entries(one, other, count):
    assert len(programs(one, other)) == count
    assert len(programs(other, one)) == count


def test_a_bundle_and_its_msi_are_one_that_knows_both():
    msi = WIDE | {"DisplayName": "Contoso Tool (64-bit)", "WindowsInstaller": 1, "InstallLocation": r"C:\Contoso"}
    bundle = WIDE | BUNDLE | {"QuietUninstallString": "setup.exe /quiet"}
    (found,) = programs(("{B}", "32", bundle), (GUID, "64", msi))
    assert found["name"] == "Contoso Tool"
    assert found["kind"] == "application"
    assert found["parts"] == ["Contoso Tool (64-bit)"]
    assert (found["product_code"], found["location"]) == (GUID, r"C:\Contoso")
    assert found["quiet_uninstall"] == "setup.exe /quiet"
    assert found["source"].endswith(r"WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\{B}")
    assert found["view"] == "32"


def test_a_shown_entry_stays_shown_when_its_hidden_twin_comes_first():
    hidden, shown = WIDE | {"SystemComponent": 1}, WIDE
    assert kinds(("A", "64", hidden), ("A", "32", shown)) == [("Contoso Tool", "application")]


def test_updates_are_given_to_their_product_by_the_parent_they_name():
    found = programs(
        ("Office16.PROPLUS", "64", {"DisplayName": "Contoso Office"}),
        ("U1", "64", {"DisplayName": "Fix one", "ParentKeyName": "office16.proplus", "DisplayVersion": "3"}),
        ("U2", "64", {"DisplayName": "Fix two", "ReleaseType": "Hotfix", "ParentDisplayName": "Contoso Office"}),
        ("U3", "64", {"DisplayName": "Security Update for Contoso Office (KB4011111)"}),
        (
            "U4",
            "64",
            {"DisplayName": "Fix of something else", "ParentKeyName": "Gone", "ParentDisplayName": "Gone App"},
        ),
    )
    office = next(program for program in found if program["name"] == "Contoso Office")
    assert [update["name"] for update in office["updates"]] == [
        "Fix one",
        "Fix two",
        "Security Update for Contoso Office (KB4011111)",
    ]
    assert office["updates"][0]["version"] == "3"
    assert office["updates"][0]["source"].endswith(r"Uninstall\U1")
    parents = {program["name"]: program["parent"] for program in found if program["kind"] == "update"}
    assert parents["Fix one"] == "Contoso Office"
    assert parents["Fix of something else"] == "Gone App"


def test_an_update_is_given_to_the_entry_that_is_shown_of_a_merged_product():
    found = programs(
        ("B", "32", WIDE | BUNDLE),
        (GUID, "64", WIDE | {"WindowsInstaller": 1}),
        ("U", "64", {"DisplayName": "Fix", "ParentKeyName": GUID}),
    )
    (tool,) = [program for program in found if program["kind"] == "application"]
    assert [update["name"] for update in tool["updates"]] == ["Fix"]


def test_what_a_user_installed_is_said_to_be_the_users():
    found = programs(("T", "64", WIDE), user=[("T", WIDE), ("U", {"DisplayName": "Only Anna's"})])
    by = {(program["name"], program["scope"], program["user"], program["view"]) for program in found}
    assert by == {
        ("Contoso Tool", "machine", "", "64"),
        ("Contoso Tool", "user", "anna", "user"),
        ("Only Anna's", "user", "anna", "user"),
    }
    (annas,) = [program for program in found if program["name"] == "Only Anna's"]
    assert annas["source"] == r"Users\anna\NTUSER.DAT\Software\Microsoft\Windows\CurrentVersion\Uninstall\U"


@pytest.mark.parametrize("sid", ["S-1-5-18", "S-1-5-80-1-2"])
def test_profiles_of_no_people_are_left_out(sid):
    windows = Windows()
    windows.user("service", sid).put(r"Software\Microsoft\Windows\CurrentVersion\Uninstall\X", DisplayName="X")
    assert take(windows.volumes()).programs == []


@pytest.mark.parametrize(
    ("values", "version"),
    [
        ({"DisplayVersion": "7.2"}, "7.2"),
        ({"DisplayVersion": 7}, "7"),
        ({"DisplayVersion": (EXPAND, "7.3\0".encode("utf-16-le"))}, "7.3"),
        ({"DisplayVersion": ["7.4", "x"]}, "7.4"),
        ({"Version": 0x07020005}, "7.2.5"),
        ({"VersionMajor": 3, "VersionMinor": 9}, "3.9"),
        ({"VersionMajor": "3", "VersionMinor": "9"}, "3.9"),
        ({"VersionMajor": 3}, "3.0"),
        ({}, ""),
    ],
)
def test_versions_as_vendors_leave_them(values, version):
    assert programs(("K", "64", {"DisplayName": "App"} | values))[0]["version"] == version


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20240312", "2024-03-12"),
        ("2024-03-12", "2024-03-12"),
        ("2024/3/2", "2024-03-02"),
        ("12.03.2024", "2024-03-12"),
        ("3/22/2024", "2024-03-22"),
        ("22/3/2024", "2024-03-22"),
        ("3/4/2024", ""),
        ("3/3/2024", "2024-03-03"),
        ("1710201600", "2024-03-12"),
        ("20241399", ""),
        ("00000000", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_days_as_vendors_write_them(written, day):
    assert day_of(written) == day


def test_the_day_a_key_was_written_stands_in_for_a_missing_date():
    assert programs(("K", "64", {"DisplayName": "App"}))[0]["installed_on"] == "2024-03-10"
    assert programs(("K", "64", {"DisplayName": "App", "InstallDate": "20230501"}))[0]["installed_on"] == "2023-05-01"


@pytest.mark.parametrize(
    ("name", "stripped", "bits"),
    [
        ("7-Zip 23.01 (x64)", "7-zip", "64"),
        ("7-Zip 23.01 (x64 edition)", "7-zip ( edition)", "64"),
        ("Notepad++ (64-bit x64)", "notepad++", "64"),
        ("Mozilla Firefox (x64 en-US)", "mozilla firefox", "64"),
        ("Mozilla Firefox 115.9.1 ESR (x86 de)", "mozilla firefox esr ( de)", "32"),
        ("Java 8 Update 391 (64-bit)", "java 8 update 391", "64"),
        ("Contoso Tool v1.2.3", "contoso tool", ""),
        ("1.2.3", "1.2.3", ""),
        ("Tool ARM64", "tool", "arm"),
    ],
)
def test_names_without_version_width_and_language(name, stripped, bits):
    assert (normal(name), width(name)) == (stripped, bits)


def test_packed_codes_both_ways():
    assert unpacked("00006109C80000000000000000F01FEC") == GUID
    assert packed(GUID) == "00006109C80000000000000000F01FEC"
    assert unpacked(packed(OTHER)) == OTHER
    assert (unpacked("short"), packed("{x}")) == ("", "")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1.2", "1.2.0.0", True), ("1.02", "1.2", True), ("1.2", "1.20", False), ("", "", True), ("1", "", False)],
)
def test_versions_that_are_the_same(one, other, same):
    assert same_version(one, other) is same


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("VMware Tools", "hypervisor"),
        ("Citrix Hypervisor PV Tools", "hypervisor"),
        ("XenServer VM Tools for Windows", "hypervisor"),
        ("Citrix XenServer Windows Guest Agent", "hypervisor"),
        ("XenServer Windows Management Agent", "hypervisor"),
        ("Citrix XenServer Windows Management Agent", "hypervisor"),
        ("Citrix XenServer VSS Guest Agent 7.1", "hypervisor"),
        ("XenServer VM Tools", "hypervisor"),
        ("Citrix Hypervisor VM Tools for Windows", "hypervisor"),
        ("Citrix Hypervisor Windows Management Agent", "hypervisor"),
        ("Citrix XenServer Tools", "hypervisor"),
        ("XCP-ng Windows Management Agent", "hypervisor"),
        ("XCP-ng Windows Guest Tools", "hypervisor"),
        ("Nutanix Guest Tools", "hypervisor"),
        ("Nutanix Guest Agent", "hypervisor"),
        ("Nutanix VirtIO", "hypervisor"),
        ("QEMU guest agent", "hypervisor"),
        ("Virtio-win-guest-tools", "hypervisor"),
        ("Virtio-win-driver-installer", "hypervisor"),
        ("virtio-win-guest-tools 0.1.240", "hypervisor"),
        ("Red Hat VirtIO SCSI Drivers", "hypervisor"),
        ("SPICE Guest Tools 0.141", "hypervisor"),
        ("Hyper-V Integration Services", "hypervisor"),
        ("Microsoft Hyper-V Integration Components", "hypervisor"),
        ("Microsoft Hyper-V Guest Integration Services", "hypervisor"),
        ("Hyper-V Guest Components", "hypervisor"),
        ("Base Image Script Framework (BIS-F)", "agent"),
        ("BIS-F", "agent"),
        ("BISF 7.2", "agent"),
        ("XenCenter", ""),
        ("Citrix XenCenter", ""),
        ("Hyper-V Manager", ""),
        ("QEMU", ""),
        ("Contoso Management Agent", ""),
        ("Citrix Provisioning Services Target Device x64", "pvs"),
        ("Citrix Provisioning 2203 LTSR Target Device x64", "pvs"),
        ("Citrix Virtual Delivery Agent 2203", "vda"),
        ("Citrix Virtual Apps and Desktops 7 2203 - Virtual Delivery Agent", "vda"),
        ("Citrix 7.15 LTSR CU9 - Virtual Delivery Agent", "vda"),
        ("CrowdStrike Windows Sensor", "antivirus"),
        ("Configuration Manager Client", "agent"),
        ("VMware Workstation", ""),
        ("VMware Tools Converter", ""),
        ("Citrix Studio", ""),
        ("Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33135", ""),
    ],
)
def test_what_counts_as_platform(name, kind):
    assert platform_kind(name) == kind


def test_products_that_only_the_installer_remembers_are_hidden_and_patches_go_to_their_product():
    windows = Windows()
    windows.program(GUID, DisplayName="Known", DisplayVersion="1.0", WindowsInstaller=1)
    products = r"Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products"
    known, forgotten = packed(GUID), packed(OTHER)
    windows.software.put(
        rf"{products}\{known}\InstallProperties", DisplayName="Known", InstallSource=r"\\server\share\known"
    )
    windows.software.put(rf"{products}\{known}\Patches\{'0' * 32}", DisplayName="Known Service Pack", State=1)
    windows.software.put(rf"{products}\{known}\Patches\{'1' * 32}", DisplayName="Known old patch", State=2)
    windows.software.put(rf"{products}\{forgotten}\InstallProperties", DisplayName="Forgotten", DisplayVersion="4")
    found = {program["name"]: program for program in take(windows.volumes()).programs}
    assert found["Known"]["install_source"] == r"\\server\share\known"
    assert [update["name"] for update in found["Known"]["updates"]] == ["Known Service Pack"]
    assert (found["Forgotten"]["kind"], found["Forgotten"]["product_code"]) == ("hidden", OTHER)


def test_kb_numbers_are_found_and_written_alike():
    assert kb_in("x", "Windows10.0-kb5036893-x64.cab") == "KB5036893"
    assert kb_in("nothing", "") == ""


def test_a_name_of_the_wrong_type_or_size_breaks_nothing():
    found = programs(
        ("A", "64", {"DisplayName": 17}),
        ("B", "64", {"DisplayName": ["Listed", "name"]}),
        ("C", "64", {"DisplayName": "x" * 50_000}),
        ("D", "64", {"DisplayName": b"\xff\xfe\x00"}),
        ("E", "64", {"DisplayName": "App", "EstimatedSize": "12", "DisplayVersion": b"\1\2"}),
    )
    assert {program["name"][:10] for program in found} == {"A", "Listed", "x" * 10, "D", "App"}
    assert max(len(program["name"]) for program in found) == 300
    assert next(program["name"] for program in found if program["name"][0] == "x").endswith("x\u2026")
    assert next(program for program in found if program["name"] == "App")["size_kb"] == 12


NAMES = [
    # a DisplayName by its type, the name that is shown, whether that is told; None: the entry is dropped
    ("Contoso Tool", "Contoso Tool", False),
    ("Contoso Tool\0".encode("utf-16-le"), "Contoso Tool", False),
    ("Contoso Tool".encode("utf-16-le"), "Contoso Tool", False),
    ("\u5de5\u5177\0".encode("utf-16-le"), "\u5de5\u5177", False),
    ((0, "Contoso Tool\0".encode("utf-16-le")), "Contoso Tool", False),
    ((EXPAND, "Contoso Tool\0".encode("utf-16-le")), "Contoso Tool", False),
    ("17", "17", False),
    (17, "Key", True),
    (1 << 40, "Key", True),
    (b"\xff\xfe\x00", "Key", True),
    (b"\1\2\3\4", "Key", True),
    (bytes(range(1, 17)), "Key", True),
    ("Two\nlines\0".encode("utf-16-le"), "Key", True),
    (b"", None, False),
    ("", None, False),
    (" \0", None, False),
]


@pytest.mark.parametrize(("value", "name", "is_told"), NAMES)
def test_names_by_the_type_of_their_value(value, name, is_told):
    report = take(Windows().program("Key", DisplayName=value).volumes())
    assert [program["name"] for program in report.programs] == ([name] if name else [])
    told = [warning["words"] for warning in report.warnings]
    assert told == (["its DisplayName is no text; it goes by the name of its key"] if is_told else [])
    assert report.partial is False


@pytest.mark.parametrize("key", [f"{GUID}.KB2468871", f"{GUID}.kb2468871v2", f"{GUID.lower()}.KB12345"])
def test_an_update_whose_key_is_named_after_its_product_belongs_to_it(key):
    found = programs(
        (GUID, "64", {"DisplayName": "Contoso Framework", "WindowsInstaller": 1}),
        (GUID, "32", {"DisplayName": "Another"}),
        (key, "64", {"DisplayName": "A fix", "DisplayVersion": "1"}),
    )
    (update,) = [program for program in found if program["kind"] == "update"]
    assert (update["name"], update["parent"]) == ("A fix", "Contoso Framework")
    (product,) = [program for program in found if program["name"] == "Contoso Framework"]
    assert [held["name"] for held in product["updates"]] == ["A fix"]


def test_the_parent_that_an_update_names_goes_before_its_keys_name():
    found = programs(
        (GUID, "64", {"DisplayName": "One"}),
        (OTHER, "64", {"DisplayName": "Other"}),
        (f"{GUID}.KB2468871", "64", {"DisplayName": "A fix", "ParentKeyName": OTHER}),
    )
    assert [program["parent"] for program in found if program["kind"] == "update"] == ["Other"]


def test_merged_entries_keep_their_places():
    (found,) = programs(
        ("T", "64", WIDE | {"InstallLocation": r"C:\Contoso"}),
        ("T", "32", WIDE | {"DisplayVersion": "1.2.0", "InstallLocation": "c:/contoso/"}),
    )
    assert found["view"] == "64"
    assert found["parts"] == ["Contoso Tool"]
    assert found["also"] == [
        {
            "name": "Contoso Tool",
            "version": "1.2.0",
            "view": "32",
            "location": "c:/contoso/",
            "source": r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\T",
        }
    ]
    assert programs(("T", "64", WIDE))[0]["also"] == []


HOSTILE = "Nice\u202eexe.cod\u202c \u2066x\u2069\r\n2024-01-01 forged\x1b[2J\x85end"


def test_no_text_of_an_image_breaks_a_line_or_turns_the_direction_of_what_follows():
    windows = Windows()
    windows.program("K", DisplayName=HOSTILE, Publisher=HOSTILE, DisplayVersion=HOSTILE, UninstallString=HOSTILE)
    windows.program(f"Key {HOSTILE}", DisplayName="By key")
    windows.program(f"Number {HOSTILE}", DisplayName=1)
    windows.software.put(r"Microsoft\Windows\CurrentVersion\Run", {HOSTILE: HOSTILE})
    windows.system.put(rf"ControlSet002\Services\S{HOSTILE}", Type=0x10, ImagePath=HOSTILE, DisplayName=HOSTILE)
    windows.files[rf"Windows\System32\Tasks\{HOSTILE}"] = b"<Task>"
    report = take(windows.volumes()).as_dict()
    texts = list(texts_in(report))
    assert not [text for text in texts if any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in text)]
    turns = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029}
    assert not [text for text in texts if turns & {ord(letter) for letter in text}]
    assert "Niceexe.cod x 2024-01-01 forged [2J end" in [program["name"] for program in report["programs"]]
    assert len(report["services"]) == 1
    assert len(report["tasks"]) == 1


def texts_in(held):
    if isinstance(held, str):
        yield held
    elif isinstance(held, dict):
        for value in held.values():
            yield from texts_in(value)
    elif isinstance(held, list):
        for value in held:
            yield from texts_in(value)


def test_what_belongs_into_a_name_stays_in_it():
    kept = "Gro\u00dfe \u5de5\u5177 \u05d0\u05d1 na\u00efve caf\u00e9 \U0001f600 A\u00a0B"
    report = take(Windows().program("K", DisplayName=kept).volumes()).as_dict()
    assert [program["name"] for program in report["programs"]] == [kept]
