"""The inventory of a whole image: each category with its source, and what happens when a part is missing."""

import importlib
import json
import struct

import pytest

from builders.inspection.errors import Damaged
from builders.inspection.inventory import Volumes, find_system, take
from tests.inspection.inventory.made import CBS, CONFIG, SERVICES, Files, Windows, program_file
from tests.inspection.registry.hive_writer import EXPAND, head


def wide(text):
    return (text + "\0").encode("utf-16-le")


def report_of(windows, **facts):
    report = take(windows.volumes(**facts)).as_dict()
    return json.loads(json.dumps(report))


def names(items, key="name"):
    return [item[key] for item in items]


def test_the_report_is_json_with_every_part_in_it():
    report = report_of(Windows(), size=4096, links=[{"name": "W11.vhdx"}], partitions=[{"number": 1}])
    assert report["format"] == 1
    assert report["image"] == {
        "links": [{"name": "W11.vhdx"}],
        "size": 4096,
        "sector": 512,
        "style": "GPT",
        "partitions": [{"number": 1}],
    }
    assert set(report) == {
        *("format", "reader_version", "image", "os", "programs", "patches", "services", "drivers", "features"),
        *("tasks", "appx", "office", "platform", "hidden", "signs", "warnings", "partial"),
    }
    assert report["warnings"] == []
    assert report["partial"] is False


def test_which_windows_it_is():
    windows = Windows()
    windows.system.put(r"ControlSet002\Control\ComputerName\ComputerName", ComputerName="VDI-GOLD")
    windows.system.put(r"ControlSet002\Services\Tcpip\Parameters", {"Domain": "", "NV Domain": "corp.example"})
    windows.system.put(r"ControlSet002\Control\TimeZoneInformation", TimeZoneKeyName="W. Europe Standard Time\0junk")
    assert report_of(windows)["os"] == {
        "name": "Windows 11 Enterprise",
        "edition": "Enterprise",
        "build": "22631",
        "ubr": 3447,
        "full_build": "10.0.22631.3447",
        "display_version": "23H2",
        "installation_type": "Client",
        "architecture": "x64",
        "installed_at": "2023-11-14T22:13:20Z",
        "computer_name": "VDI-GOLD",
        "domain": "corp.example",
        "time_zone": "W. Europe Standard Time",
    }


@pytest.mark.parametrize(
    ("values", "name", "full"),
    [
        ({"CurrentBuild": "19045", "UBR": 4291}, "Windows 10 Enterprise", "10.0.19045.4291"),
        ({"CurrentBuild": "22000", "UBR": "194"}, "Windows 11 Enterprise", "10.0.22000.194"),
        ({"CurrentBuild": "26100", "InstallationType": "Server"}, "Windows 10 Enterprise", "10.0.26100.3447"),
        (
            {"ProductName": "Windows Server 2022 Datacenter", "CurrentBuild": "20348", "InstallationType": "Server"},
            None,
            None,
        ),
        ({"ProductName": "Windows 11 Pro"}, "Windows 11 Pro", "10.0.22631.3447"),
        ({"CurrentBuild": 22631}, "Windows 11 Enterprise", "10.0.22631.3447"),
        ({"CurrentBuild": ""}, "Windows 10 Enterprise", ""),
    ],
)
def test_the_name_and_the_full_build(values, name, full):
    found = report_of(Windows().current_version(**values))["os"]
    assert found["name"] == (name or values["ProductName"])
    assert found["full_build"] == (full if full is not None else "10.0.20348.3447")


def test_an_older_windows_has_no_numbers_for_its_version():
    windows = Windows()
    node = windows.software.root.at(r"Microsoft\Windows NT\CurrentVersion")
    for name in ("CurrentMajorVersionNumber", "CurrentMinorVersionNumber", "DisplayVersion", "InstallDate", "UBR"):
        del node.values[name]
    moment = struct.pack("<Q", (1_400_000_000 + 11_644_473_600) * 10**7)
    node.values |= {"CurrentBuild": (1, wide("9600")), "ReleaseId": (1, wide("x")), "InstallTime": (11, moment)}
    found = report_of(windows)["os"]
    assert (found["full_build"], found["display_version"]) == ("6.3.9600", "x")
    assert found["installed_at"] == "2014-05-13T16:53:20Z"


def test_patches_by_their_packages():
    windows = Windows()
    suffix = "~31bf3856ad364e35~amd64~~"

    def package(name, state, **values):
        windows.software.put(rf"{CBS}\Packages\{name}", CurrentState=state, **values)

    package(f"Package_for_KB5027397{suffix}22621.2355.1.1", 0x70, InstallTimeHigh=31000000, InstallTimeLow=0)
    package(f"Package_for_RollupFix{suffix}22621.3447.1.7", 0x70)
    package(f"Package_for_RollupFix{suffix}22621.3296.1.2", 0x50)
    package(
        f"Package_for_ServicingStack_3430{suffix}22621.3430.1.1", 0x80, InstallLocation=r"\\?\C:\x\KB5036999-x64.cab"
    )
    package(f"Package_for_DotNetRollup_481{suffix}10.0.9232.1", 0x60)
    package(f"Package_for_KB5000001{suffix}1.0", 0x80000005)
    package(f"Package_for_KB5000002{suffix}1.0", 0)
    package(f"Package_for_KB5000003{suffix}1.0", "112")
    package(f"Package_1_for_KB5027397{suffix}22621.2355.1.1", 0x70)
    package("Microsoft-Windows-Foundation-Package~31bf3856ad364e35~amd64~~10.0.1", 0x70)
    package("Microsoft-Windows-NetFx3-OnDemand-Package~31bf3856ad364e35~amd64~~10.0.22621.1", 0x70)
    windows.software.put(r"Microsoft\ServerManager\ServicingStorage\ServerComponentCache\Web-Server", InstallState=1)
    windows.software.put(r"Microsoft\ServerManager\ServicingStorage\ServerComponentCache\DNS", InstallState=0)
    report = report_of(windows)
    assert {(patch["id"], patch["version"], patch["state"]) for patch in report["patches"]} == {
        ("KB5027397", "22621.2355.1.1", "installed"),
        ("RollupFix 22621.3447", "22621.3447.1.7", "installed"),
        ("RollupFix 22621.3296", "22621.3296.1.2", "superseded"),
        ("KB5036999", "22621.3430.1.1", "installed"),
        ("DotNetRollup_481 10.0.9232.1", "10.0.9232.1", "pending"),
        ("KB5000001", "1.0", "broken"),
        ("KB5000003", "1.0", "installed"),
    }
    one = next(patch for patch in report["patches"] if patch["id"] == "KB5027397")
    assert one["installed_at"].startswith("2022-")
    assert one["source"].startswith(rf"SOFTWARE\{CBS}\Packages\Package_for_KB5027397")
    assert {(feature["name"], feature["state"]) for feature in report["features"]} == {
        ("Microsoft-Windows-NetFx3", "installed"),
        ("Web-Server", "installed"),
    }


def test_services_and_drivers_of_the_control_set_that_boots():
    windows = Windows()

    def put(name, **values):
        windows.system.put(rf"{SERVICES}\{name}", **values)

    put("Spooler", Type=0x110, Start=2, ImagePath=r"%SystemRoot%\System32\spoolsv.exe", ObjectName="LocalSystem",
        DisplayName="@%systemroot%\\system32\\spoolsv.exe,-1")  # fmt: skip
    put("Agent", Type="16", Start="2", DelayedAutostart=1, ImagePath='"C:\\Agent\\a.exe" --password hunter2 -x')
    put("Shared", Type=0x20, Start=3, ImagePath=r"%SystemRoot%\system32\svchost.exe -k netsvcs")
    windows.system.put(rf"{SERVICES}\Shared\Parameters", ServiceDll=(EXPAND, wide(r"C:\Foo\bar.dll")))
    put("OneSync_1234", Type=0xE0, Start=2, ImagePath="svchost.exe")
    put("Off", Type=0x10, Start=4, DisplayName="@oem1.inf,%x%;Words to show")
    put(".NET CLR Data", Unrelated=1)
    put("pvscsi", Type=1, Start=0, ImagePath=r"System32\drivers\pvscsi.sys", Group="SCSI miniport")
    put("contoso", Type=1, Start=1, ImagePath=r"\??\C:\Contoso\contoso.sys")
    put("ntfs", Type=2, Start=0)
    put("odd", Type=1, Start=77)
    windows.files[r"Windows\System32\drivers\pvscsi.sys"] = program_file("1.3.26.0", "Broadcom")
    windows.files[r"Contoso\contoso.sys"] = program_file("4.0.1.2", "Contoso", wide=False, before=140 * 512)
    report = report_of(windows)
    services = {service["name"]: service for service in report["services"]}
    assert set(services) == {"Spooler", "Agent", "Shared", "OneSync_1234", "Off"}
    assert services["Spooler"]["start"] == "auto"
    assert services["Spooler"]["type"] == "own process, interactive"
    assert services["Spooler"]["display_name"] == "Spooler"
    assert services["Agent"]["start"] == "delayed"
    assert "hunter2" not in json.dumps(report)
    assert services["Shared"]["path"].endswith(r"svchost.exe -k netsvcs (C:\Foo\bar.dll)")
    assert (services["Off"]["start"], services["Off"]["display_name"]) == ("disabled", "Words to show")
    assert services["Off"]["source"] == rf"SYSTEM\{SERVICES}\Off"
    drivers = {driver["name"]: driver for driver in report["drivers"]}
    assert set(drivers) == {"pvscsi", "contoso", "ntfs", "odd"}
    pvscsi = drivers["pvscsi"]
    assert (pvscsi["version"], pvscsi["company"], pvscsi["start"]) == ("1.3.26.0", "Broadcom", "boot")
    assert pvscsi["class"] == "SCSI miniport"
    assert (drivers["contoso"]["file"], drivers["contoso"]["version"]) == (r"Contoso\contoso.sys", "4.0.1.2")
    assert (drivers["ntfs"]["file"], drivers["ntfs"]["class"]) == (r"Windows\System32\drivers\ntfs.sys", "file system")
    assert drivers["odd"]["start"] == "unknown (77)"


def test_what_the_image_stands_on():
    windows = Windows()
    windows.program("{VM}", DisplayName="VMware Tools", DisplayVersion="12.3.5.22544099")
    windows.program("{PVS}", DisplayName="Citrix Provisioning Target Device x64", DisplayVersion="2203.0.4")
    windows.program("VDA", DisplayName="Citrix Virtual Delivery Agent 2203", DisplayVersion="2203.0.4000.1")
    windows.software.put(r"Microsoft\Virtual Machine\Auto", IntegrationServicesVersion="10.0.22621")
    windows.software.put(r"Citrix\XenToolsInstaller", MajorVersion=9, MinorVersion=3, MicroVersion=1, BuildVersion=8)
    windows.software.put(r"Microsoft\NET Framework Setup\NDP\v4\Full", Release=533320, Version="4.8.09032")
    windows.software.put(r"VMware, Inc.\VMware Tools", InstallPath="C:\\Program Files\\VMware\\VMware Tools\\")
    windows.system.put(rf"{SERVICES}\BrokerAgent", Type=0x10, Start=2, ImagePath=r'"C:\Citrix\BrokerAgent.exe" -x')
    windows.system.put(rf"{SERVICES}\bnistack", Type=1, Start=0, ImagePath=r"system32\DRIVERS\bnistack6.sys")
    windows.files |= {
        r"Program Files\VMware\VMware Tools\vmtoolsd.exe": program_file("12.3.5.46049"),
        r"Windows\System32\drivers\bnistack6.sys": program_file("7.33.4.12", "Citrix"),
        r"Citrix\BrokerAgent.exe": program_file("7.33.4000.8"),
    }
    platform = report_of(windows, partitions=[{"kind_id": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}])["platform"]
    assert platform["vmware_tools"]["version"] == "12.3.5.22544099"
    assert platform["vmware_tools"]["file_version"] == "12.3.5.46049"
    assert platform["pvs_target"] == {
        "version": "2203.0.4",
        "file_version": "7.33.4.12",
        "source": r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\{PVS}",
    }
    assert platform["vda"]["file_version"] == "7.33.4000.8"
    assert platform["hyperv_guest"]["version"] == "10.0.22621"
    assert platform["xenserver_tools"]["version"] == "9.3.1.8"
    assert platform["dotnet"] == {
        "version": "4.8.09032",
        "release": 533320,
        "source": r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full",
    }
    assert platform["firmware"] == "UEFI"


def test_a_bare_windows_stands_on_nothing():
    platform = report_of(Windows(), style="MBR")["platform"]
    assert platform.pop("firmware") == "BIOS"
    assert set(platform.values()) == {None}


def test_the_boot_loader_tells_the_firmware_where_the_partitions_do_not():
    from tests.inspection.registry.hive_writer import HiveWriter

    windows = Windows()
    element = r"Objects\{1}\Elements\12000002"
    windows.files[r"Boot\BCD"] = HiveWriter().put(element, Element=r"\Windows\system32\winload.efi").content()
    assert report_of(windows, style="none")["platform"]["firmware"] == "UEFI"
    assert report_of(Windows(), style="none")["platform"]["firmware"] == "unknown"


TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Actions><Exec><Command>C:\\Contoso\\up.exe</Command>
<Arguments>/token=abc123 /all</Arguments></Exec><ComHandler><ClassId>{1}</ClassId></ComHandler></Actions></Task>"""


def test_scheduled_tasks_but_not_windows_own():
    windows = Windows()
    folder = r"Windows\System32\Tasks"
    windows.files |= {
        rf"{folder}\Contoso\Update": TASK.encode("utf-16"),
        rf"{folder}\Plain": TASK.replace("UTF-16", "UTF-8").encode(),
        rf"{folder}\Microsoft\Windows\Defrag\ScheduledDefrag": TASK.encode("utf-16"),
        rf"{folder}\Microsoft\Office\Telemetry": TASK.encode("utf-16"),
        rf"{folder}\Broken": b"<Task><Actions>",
        rf"{folder}\Bomb": b'<!DOCTYPE a [<!ENTITY b "c">]><Task>&b;</Task>',
        rf"{folder}\Unreadable": Damaged("its blocks are gone"),
    }
    tree = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree"
    windows.software.put(rf"{tree}\Only in the registry", Id="{2}").put(rf"{tree}\Plain", Id="{3}")
    report = report_of(windows)
    tasks = {task["path"]: task for task in report["tasks"]}
    assert set(tasks) == {
        *(r"\Contoso\Update", r"\Plain", r"\Microsoft\Office\Telemetry", r"\Broken", r"\Bomb"),
        r"\Only in the registry",
    }
    assert tasks[r"\Contoso\Update"]["actions"] == [r"C:\Contoso\up.exe /token=(concealed) /all", "COM {1}"]
    assert tasks[r"\Plain"]["source"] == rf"{folder}\Plain"
    assert tasks[r"\Only in the registry"]["actions"] == []
    warned = {warning["where"] for warning in report["warnings"]}
    assert warned == {rf"{folder}\Broken", rf"{folder}\Bomb", rf"{folder}\Unreadable"}
    assert report["partial"] is True


def test_office_and_its_channel():
    windows = Windows()
    address = "http://officecdn.microsoft.com/pr/7FFBC6BF-bc32-4f92-8982-f9dd17fd3114"
    windows.software.put(
        r"Microsoft\Office\ClickToRun\Configuration",
        VersionToReport="16.0.16731.20600",
        ProductReleaseIds="VisioProRetail,O365ProPlusRetail",
        CDNBaseUrl=address,
        Platform="x64",
    )
    assert report_of(windows)["office"] == {
        "version": "16.0.16731.20600",
        "products": ["O365ProPlusRetail", "VisioProRetail"],
        "channel": "Semi-Annual Enterprise Channel",
        "channel_url": address,
        "platform": "x64",
        "source": r"SOFTWARE\Microsoft\Office\ClickToRun\Configuration",
    }
    assert report_of(Windows())["office"] is None


def test_store_apps():
    windows = Windows()
    store = r"Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore"
    windows.software.put(rf"{store}\Applications\Microsoft.WindowsCalculator_2021.2307.4.0_neutral_~_8wekyb3d8bbwe")
    windows.software.put(rf"{store}\S-1-5-21-1\Contoso.App_1.0.0.0_x64__abcdefghjkmnp")
    windows.software.put(rf"{store}\Deprovisioned\Gone.App_8wekyb3d8bbwe")
    windows.software.put(rf"{store}\Applications\not an app")
    apps = {(app["family"], app["version"], app["architecture"]) for app in report_of(windows)["appx"]}
    assert apps == {
        ("Microsoft.WindowsCalculator_8wekyb3d8bbwe", "2021.2307.4.0", "neutral"),
        ("Contoso.App_abcdefghjkmnp", "1.0.0.0", "x64"),
    }


def test_no_windows_is_said_in_words():
    report = take(Volumes([])).as_dict()
    assert report["partial"] is True
    assert report["warnings"] == [{"where": "image", "words": "no volume in the image can be read"}]
    report = take(Volumes([Files({"data.txt": b""})], warnings=[{"where": "disk", "words": "damaged"}])).as_dict()
    assert report["warnings"][0] == {"where": "disk", "words": "damaged"}
    assert r"none of the 1 volume(s) that can be read holds Windows\System32" in report["warnings"][1]["words"]


def test_the_system_volume_is_found_among_others():
    windows = Windows().volume()
    assert find_system(Volumes([Files({"a": b""}), windows])) is windows


@pytest.mark.parametrize("lost", ["SOFTWARE", "SYSTEM"])
@pytest.mark.parametrize("content", [b"", b"no hive at all", Damaged("it is compressed"), OSError("gone")])
def test_one_hive_that_cannot_be_read_leaves_the_other(lost, content):
    windows = Windows().program("A", DisplayName="App")
    windows.system.put(rf"{SERVICES}\Spooler", Type=0x10, Start=2)
    volume = windows.volume().put(rf"{CONFIG}\{lost}", content)
    report = take(Volumes([volume])).as_dict()
    assert report["partial"] is True
    assert [rf"{CONFIG}\{lost}"] == [warning["where"] for warning in report["warnings"]]
    assert names(report["programs"]) == ([] if lost == "SOFTWARE" else ["App"])
    assert names(report["services"]) == ([] if lost == "SYSTEM" else ["Spooler"])


def test_a_dirty_hive_is_read_and_said_to_be_dirty():
    windows = Windows().program("A", DisplayName="App")
    content = windows.software.content()
    root, bins = struct.unpack_from("<II", content, 36)
    volume = windows.volume().put(rf"{CONFIG}\SOFTWARE", head(9, 8, root, bins) + content[4096:])
    report = take(Volumes([volume])).as_dict()
    assert names(report["programs"]) == ["App"]
    assert "not closed cleanly and has no logs" in report["warnings"][0]["words"]
    assert report["partial"] is True


def test_the_logs_beside_a_hive_are_used():
    from tests.inspection.registry.hive_writer import log_of

    old, new = Windows().program("A", DisplayName="Before"), Windows().program("A", DisplayName="After!")
    before, after = old.software.content(at_least=64 << 10), new.software.content(at_least=64 << 10)
    root, bins = struct.unpack_from("<II", before, 36)
    volume = old.volume().put(rf"{CONFIG}\SOFTWARE", head(9, 8, root, bins) + before[4096:])
    volume.put(rf"{CONFIG}\SOFTWARE.LOG2", log_of(before, after, sequence=8))
    report = take(Volumes([volume])).as_dict()
    assert names(report["programs"]) == ["After!"]
    assert "1 change(s) from its logs are included" in report["warnings"][0]["words"]
    assert report["partial"] is False


def test_a_part_that_breaks_leaves_the_others(monkeypatch):
    module = importlib.import_module("builders.inspection.inventory.take")
    monkeypatch.setattr(module, "read_services", lambda reading: 1 / 0)
    report = report_of(Windows().program("A", DisplayName="App"))
    assert names(report["programs"]) == ["App"]
    assert report["services"] == []
    assert {"where": "the services", "words": "could not be read: ZeroDivisionError"} in report["warnings"]
    assert report["partial"] is True


def test_a_program_file_that_is_none_is_a_warning():
    windows = Windows()
    windows.system.put(rf"{SERVICES}\pvscsi", Type=1, Start=0)
    windows.files[r"Windows\System32\drivers\pvscsi.sys"] = b"MZ" + bytes(200)
    report = report_of(windows)
    assert report["drivers"][0]["version"] == ""
    assert "its version cannot be read" in report["warnings"][0]["words"]
