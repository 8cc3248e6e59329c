"""Signs of an unsealed image, hidden state, and secrets that must stay where they are."""

import json

import pytest

from builders.inspection.inventory import take
from builders.inspection.inventory.file_paths import program_in
from builders.inspection.inventory.secrets import concealed, concealed_value
from builders.inspection.inventory.signs import holds_password
from tests.inspection.inventory.made import CBS, SERVICES, Windows
from tests.inspection.registry.hive_writer import HiveWriter

SESSION = r"ControlSet002\Control\Session Manager"
WINLOGON = r"Microsoft\Windows NT\CurrentVersion\Winlogon"
UPDATE = r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
SUFFIX = "~31bf3856ad364e35~amd64~~"
UNATTEND = """<?xml version="1.0" encoding="utf-8"?><unattend xmlns="urn:schemas-microsoft-com:unattend"><settings>
<component><AutoLogon><Password><Value>{}</Value><PlainText>true</PlainText></Password></AutoLogon></component>
</settings></unattend>"""


def signs(windows):
    return take(windows.volumes()).signs


def test_a_sealed_image_has_no_sign():
    windows = Windows()
    windows.system.put(SESSION, PendingFileRenameOperations=[])
    windows.software.put(rf"{CBS}\SessionsPending", Exclusive=0)
    windows.software.put(r"Microsoft\ServerManager", CurrentRebootAttempts=0)
    windows.software.put(WINLOGON, AutoAdminLogon="0", Shell="explorer.exe", DefaultPassword="")
    windows.files[r"Windows\Panther\unattend.xml"] = UNATTEND.format("*SENSITIVE*DATA*DELETED*").encode()
    assert signs(windows) == []


PENDING = {
    "RebootPending": lambda w: w.software.put(rf"{CBS}\RebootPending"),
    "RebootInProgress": lambda w: w.software.put(rf"{CBS}\RebootInProgress"),
    "PackagesPending": lambda w: w.software.put(rf"{CBS}\PackagesPending"),
    "session": lambda w: w.software.put(rf"{CBS}\SessionsPending", Exclusive=1),
    "session as text": lambda w: w.software.put(rf"{CBS}\SessionsPending", Exclusive="1"),
    "RebootRequired": lambda w: w.software.put(rf"{UPDATE}\RebootRequired"),
    "PostRebootReporting": lambda w: w.software.put(rf"{UPDATE}\PostRebootReporting"),
    "renames": lambda w: w.system.put(SESSION, PendingFileRenameOperations=[r"\??\C:\x", ""]),
    "renames 2": lambda w: w.system.put(SESSION, PendingFileRenameOperations2=[r"\??\C:\x"]),
    "attempts": lambda w: w.software.put(r"Microsoft\ServerManager", CurrentRebootAttempts=1),
    "pending.xml": lambda w: w.files.update({r"Windows\WinSxS\pending.xml": b"<x/>"}),
    "to install": lambda w: w.software.put(rf"{CBS}\Packages\Package_for_KB5000001{SUFFIX}1", CurrentState=0x60),
    "to remove": lambda w: w.software.put(rf"{CBS}\Packages\Package_for_KB5000001{SUFFIX}1", CurrentState=0x05),
}


@pytest.mark.parametrize("form", PENDING)
def test_each_form_of_a_pending_restart(form):
    windows = Windows()
    PENDING[form](windows)
    assert [sign["sign"] for sign in signs(windows)] == ["pending-reboot"]


def test_an_image_that_was_captured_while_it_was_streamed():
    windows = Windows()
    windows.files["Personality.ini"] = b"[StringData]\r\n$DiskName=W11"
    assert [sign["sign"] for sign in signs(windows)] == ["stale-stream"]
    windows.program("P", DisplayName="Citrix Provisioning Target Device x64")
    windows.files[r"Windows\System32\drivers\bnistack6.sys"] = b""
    windows.system.put(rf"{SERVICES}\bnistack\PVSAgent", DiskName="W11")
    assert [sign["source"] for sign in signs(windows)] == [
        "Personality.ini",
        rf"SYSTEM\{SERVICES}\bnistack\PVSAgent",
    ]


def target(windows, *, program, driver, service):
    if program:
        windows.program("P", DisplayName="Citrix Provisioning Target Device x64", DisplayVersion="2203")
    if driver:
        windows.files[r"Windows\System32\drivers\bnistack6.sys"] = b""
    if service:
        windows.system.put(rf"{SERVICES}\bnistack", Type=1, Start=0)
    return windows


@pytest.mark.parametrize(
    ("program", "driver", "service", "words"),
    [
        (True, True, True, None),
        (False, False, False, None),
        (True, False, True, "the driver bnistack6.sys is missing"),
        (True, True, False, "the service bnistack is missing"),
        (False, True, False, "not listed as installed"),
        (False, False, True, "not listed as installed"),
    ],
)
def test_target_software_that_is_half_there(program, driver, service, words):
    found = signs(target(Windows(), program=program, driver=driver, service=service))
    assert [sign["sign"] for sign in found] == ([] if words is None else ["half-installed-target"])
    assert words is None or words in found[0]["words"]


@pytest.mark.parametrize(
    ("content", "holds"),
    [
        (UNATTEND.format("Secr3t!").encode(), True),
        (UNATTEND.format("Secr3t!").encode("utf-16"), True),
        (UNATTEND.format("*SENSITIVE*DATA*DELETED*").encode(), False),
        (UNATTEND.format("").encode(), False),
        (b"<unattend><UserAccounts><AdministratorPassword>x</AdministratorPassword></UserAccounts></unattend>", True),
        (b"<unattend><Password><Value>broken file</Value>", True),
        (b"<unattend><ComputerName>x</ComputerName></unattend>", False),
        (b"", False),
        (b"\xff\xfe\x00", False),
    ],
)
def test_passwords_in_answer_files(content, holds):
    assert holds_password(content) is holds


def test_no_secret_comes_into_the_report():
    windows = Windows()
    secret = "Tr0ub4dor"
    windows.files[r"Windows\Panther\unattend.xml"] = UNATTEND.format(secret).encode()
    windows.software.put(
        WINLOGON, AutoAdminLogon="1", DefaultPassword=secret, DefaultUserName="x", Shell=f"x /pass {secret}"
    )
    windows.software.put(r"Microsoft\Windows\CurrentVersion\Run", Agent=f"agent.exe --password={secret} --server a")
    windows.program("A", DisplayName="App", UninstallString=f"un.exe /TOKEN:{secret}")
    windows.system.put(rf"{SERVICES}\S", Type=0x10, Start=2, ImagePath=f"svc.exe -u x -p {secret}")
    windows.system.put(rf"{SESSION}\Environment", API_KEY=secret, PLAIN="https://anna:" + secret + "@host/")
    report = json.dumps(take(windows.volumes()).as_dict())
    assert secret not in report
    found = {sign["sign"] for sign in take(windows.volumes()).signs}
    assert found == {"plain-text-unattend", "automatic-sign-in", "plain-text-password"}
    assert report.count("(concealed)") >= 5


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("setup.exe /password:abc /quiet", "setup.exe /password:(concealed) /quiet"),
        ('setup.exe --password "a b c" /quiet', "setup.exe --password (concealed) /quiet"),
        ("x.exe PWD=abc;UID=sa", "x.exe PWD=(concealed);UID=sa"),
        ("schtasks /ru a /rp abc", "schtasks /ru a /rp (concealed)"),
        (r"net use Z: \\srv\share abc /user:d\u", r"net use Z: \\srv\share (concealed) /user:d\u"),
        ("ftp://u:abc@host/x", "ftp://u:(concealed)@host/x"),
        ('"C:\\x\\u.exe" -u sa -p abc', '"C:\\x\\u.exe" -u sa -p (concealed)'),
        ("msiexec /x {A} /qn", "msiexec /x {A} /qn"),
        ("msiexec /p patch.msp", "msiexec /p patch.msp"),
        ("powershell -ExecutionPolicy Bypass -File x.ps1", "powershell -ExecutionPolicy Bypass -File x.ps1"),
        ("svchost.exe -k netsvcs -p", "svchost.exe -k netsvcs -p"),
    ],
)
def test_passwords_in_command_lines(words, shown):
    assert concealed(words) == shown


def test_a_variable_that_is_named_a_secret_is_one():
    assert concealed_value("DB_PASSWORD", "abc") == "(concealed)"
    assert concealed_value("Path", "C:\\x") == "C:\\x"


def test_concealing_ends_soon_whatever_the_text():
    for text in ("a" * 50_000, "pass" * 10_000, "-u " * 20_000, "a.a" * 20_000, '"' * 9_000):
        assert len(concealed(text)) <= 2000


def test_more_revisions_installed_than_windows_says_it_has():
    windows = Windows()
    windows.software.put(rf"{CBS}\Packages\Package_for_RollupFix{SUFFIX}22631.3593.1.3", CurrentState=0x70)
    (sign,) = signs(windows)
    assert sign["sign"] == "unfinished-update"
    assert "22631.3593" in sign["words"]
    assert "22631.3447" in sign["words"]


def test_network_cards_of_earlier_machines():
    windows = Windows()
    card = {"ClassGUID": "{4D36E972-E325-11CE-BFC1-08002BE10318}"}
    enum = r"ControlSet002\Enum"
    windows.system.put(rf"{enum}\PCI\VEN_15AD&DEV_07B0\1", card)
    assert signs(windows) == []
    windows.system.put(rf"{enum}\XENVIF\VEN_XS0001&DEV_NET\0", card)
    assert [sign["sign"] for sign in signs(windows)] == ["several-network-cards"]
    assert signs(windows)[0]["words"].startswith("2 network cards")


def test_setup_that_is_not_finished():
    windows = Windows()
    windows.system.put("Setup", OOBEInProgress=1, SystemSetupInProgress=0)
    assert [sign["sign"] for sign in signs(windows)] == ["unfinished-setup"]


def test_hidden_state_and_where_it_is():
    windows = Windows()
    windows.software.put(r"Microsoft\Windows\CurrentVersion\Run", Contoso=r"C:\Contoso\run.exe")
    windows.software.put(r"WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnce", Once="once.exe")
    windows.user("anna").put(r"Software\Microsoft\Windows\CurrentVersion\Run", Annas="annas.exe")
    windows.users["Default"] = HiveWriter().put(r"Software\Microsoft\Windows\CurrentVersion\RunOnce", New="new.exe")
    windows.software.put(WINLOGON, Shell="kiosk.exe", Userinit=r"C:\Windows\system32\userinit.exe,")
    windows.software.put(
        r"Microsoft\Windows NT\CurrentVersion\Fonts", {"Arial (TrueType)": "arial.ttf", "Corporate": "corp.ttf"}
    )
    windows.system.put(r"ControlSet002\Control\Print\Printers\Labels", {"Printer Driver": "Zebra", "Port": "LPT1:"})
    windows.system.put(r"ControlSet002\Control\Print\Printers\Microsoft Print to PDF")
    drivers = r"ControlSet002\Control\Print\Environments\Windows x64\Drivers\Version-3"
    windows.system.put(rf"{drivers}\ZDesigner", DriverVersion="8.1").put(rf"{drivers}\Remote Desktop Easy Print")
    windows.software.put(r"WOW6432Node\ODBC\ODBC.INI\ODBC Data Sources", Sales="SQL Server")
    windows.software.put(r"ODBC\ODBCINST.INI\ODBC Drivers", {"SQL Server": "Installed", "Oracle 19": "Installed"})
    windows.system.put(rf"{SESSION}\Environment", Path=r"%SystemRoot%;C:\Windows\system32;C:\Contoso", LICENCE="a")
    rules = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
    windows.system.put(rules, a="v2.31|Action=Allow|Dir=In|Name=Contoso|", b="v2.31|Action=Allow|Name=@x.dll,-1|")
    windows.software.put(r"Microsoft\SystemCertificates\ROOT\Certificates\00AA")
    windows.files |= {
        r"Windows\System32\config\SAM": HiveWriter()
        .put(r"SAM\Domains\Account\Users\Names\Administrator")
        .put(r"SAM\Domains\Account\Users\Names\svc_contoso")
        .content(),
        r"Windows\System32\drivers\etc\hosts": b"# no\r\n10.0.0.1 licence.corp # x\r\n",
        r"Windows\System32\GroupPolicy\Machine\Registry.pol": b"",
        r"Tools\own.exe": b"",
        r"Program Files\Contoso\x.exe": b"",
        r"Program Files\Forgotten\x.exe": b"",
        r"Program Files\Common Files\x.dll": b"",
        "pagefile.sys": b"",
    }
    windows.program("C", DisplayName="Tool by them", InstallLocation=r"C:\Program Files\Contoso")
    found = {(item["category"], item["name"]): item for item in take(windows.volumes()).hidden}
    assert set(found) == {
        *(("run", "Contoso"), ("runonce", "Once"), ("run", "Annas"), ("runonce", "New"), ("winlogon", "Shell")),
        *(("font", "Corporate"), ("printer", "Labels"), ("printer-driver", "ZDesigner"), ("odbc", "Sales")),
        *(("odbc-driver", "Oracle 19"), ("environment", "Path"), ("environment", "LICENCE"), ("firewall", "Contoso")),
        *(("certificate", "00AA"), ("local-user", "svc_contoso"), ("hosts", "licence.corp")),
        *(("policy", "local policy (machine)"), ("folder", "Tools"), ("folder", r"Program Files\Forgotten")),
    }
    assert found["environment", "Path"]["value"] == r"C:\Contoso"
    assert found["hosts", "licence.corp"]["value"] == "10.0.0.1"
    assert found["run", "Annas"]["source"].startswith(r"Users\anna\NTUSER.DAT\Software")
    assert found["printer", "Labels"]["value"] == "Zebra on LPT1:"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (r"\SystemRoot\System32\drivers\x.sys", r"Windows\System32\drivers\x.sys"),
        (r"System32\drivers\x.sys", r"Windows\System32\drivers\x.sys"),
        (r"\??\C:\Contoso\x.sys", r"Contoso\x.sys"),
        (r'"C:\Program Files\A b\c.exe" -k x', r"Program Files\A b\c.exe"),
        (r"C:\Program Files\A b\c.exe -k x", r"Program Files\A b\c.exe"),
        (r"%ProgramFiles(x86)%\A\c.exe", r"Program Files (x86)\A\c.exe"),
        (r"%SystemRoot%\System32\svchost.exe -k netsvcs", r"Windows\System32\svchost.exe"),
        (r"D:\other\x.exe", ""),
        (r"\\server\share\x.exe", ""),
        ("", ""),
    ],
)
def test_paths_as_services_write_them(written, path):
    assert program_in(written) == path
