"""Passwords in command lines, wherever the inventory keeps one: what is marked as a secret is never in the report."""

import json

import pytest

from builders.inspection.inventory import take
from builders.inspection.inventory.secrets import concealed, concealed_value
from tests.inspection.inventory.made import SERVICES, Windows

S = "Tr0ub4dor"
SECRET = [
    # a command line, what of it may be seen afterwards
    f"setup.exe /password={S} /quiet",
    f"setup.exe /password:{S} /quiet",
    f"setup.exe /Password {S} /quiet",
    f"setup.exe --password={S} --quiet",
    f"setup.exe --password {S} --quiet",
    f'setup.exe --password "{S} and {S}" --quiet',
    f"setup.exe --password '{S} and {S}' --quiet",
    f'setup.exe --password="{S}""{S}" --quiet',
    f'setup.exe "--password={S} and {S}" --quiet',
    f'setup.exe "/password" "{S}" --quiet',
    f"setup.exe --admin-password {S} --quiet",
    f"setup.exe --password-value {S} --quiet",
    f"setup.exe -pass {S} --quiet",
    f"setup.exe -pw {S} --quiet",
    f"setup.exe -p {S} --quiet",
    f"setup.exe -P {S} --quiet",
    f"setup.exe /p {S} --quiet",
    f"setup.exe /p:{S} --quiet",
    f"setup.exe -p={S} --quiet",
    f'setup.exe -p "{S} {S}" --quiet',
    f"setup.exe -u sa -p {S} --quiet",
    f"msiexec.exe /i x.msi SERVERPASSWORD={S} REBOOT=no /quiet",
    f'msiexec.exe /i x.msi SERVERPASSWORD="{S} {S}" REBOOT=no /quiet',
    f'msiexec.exe /i x.msi "SERVERPASSWORD={S} {S}" REBOOT=no /quiet',
    f"msiexec.exe /i x.msi SAPWD={S} DB_PASSWD={S} /quiet",
    f"msiexec.exe /i x.msi SERVERPASSWORD={S},{S};{S}&{S} /quiet",
    f"msiexec.exe /i x.msi LICENSEKEY={S} PRODUCT_KEY={S} /quiet",
    f"agent.exe --token {S} --quiet",
    f"agent.exe --token={S} --quiet",
    f"agent.exe /TOKEN:{S} --quiet",
    f"agent.exe -ProvToken {S} --quiet",
    f"agent.exe --api-key {S} --quiet",
    f"agent.exe --apikey={S} --quiet",
    f"agent.exe --client-secret={S} --quiet",
    f"agent.exe --secret-access-key {S} --quiet",
    f"agent.exe ENROLLMENT_KEY={S} --quiet",
    f'svc.exe --db "Server=db;Database=x;User Id=sa;Password={S};" --quiet',
    f'svc.exe --db "Server=db;Password={S} {S};Database=x" --quiet',
    f'svc.exe --db "Password={S};Server=db" --quiet',
    f"svc.exe Server=db;Uid=sa;Pwd={S};Encrypt=yes --quiet",
    f"svc.exe DefaultEndpointsProtocol=https;AccountName=a;AccountKey={S}==;EndpointSuffix=x --quiet",
    f"svc.exe --db postgres://anna:{S}@db:5432/x --quiet",
    f"svc.exe https://{S}{S}@host/x --quiet",
    f"svc.exe https://host/x?sv=1&sig={S}%3D --quiet",
    f"svc.exe --header Authorization:Bearer {S} --quiet",
    f'svc.exe --header "Authorization: Basic {S}" --quiet',
    f'svc.exe --json {{"user":"a","password":"{S}"}} --quiet',
    f'svc.exe --json {{\\"password\\":\\"{S}\\"}} --quiet',
    f"svc.exe --xml <Password>{S}</Password> --quiet",
    f"schtasks.exe /create /ru anna /rp {S} --quiet",
    f"psexec.exe -u anna -p {S} cmd --quiet",
    f"mysql.exe -u root -p{S} x --quiet",
    f'"C:\\7-Zip\\7z.exe" x a.7z -p{S} --quiet',
    f"sqlcmd.exe -S db -U sa -P{S} --quiet",
    f"curl.exe -s -u anna:{S} http://x --quiet",
    f"powershell.exe ConvertTo-SecureString {S} -AsPlainText --quiet",
    f"powershell.exe ConvertTo-SecureString -String '{S}' -AsPlainText --quiet",
    f"net.exe user anna {S} /add --quiet",
    f"net use Z: \\\\srv\\share {S} /user:anna",
    f"agent.exe /kennwort={S} /passwort={S} --quiet",
]


@pytest.mark.parametrize("words", SECRET)
def test_no_secret_of_a_command_line_is_seen(words):
    shown = concealed(words)
    assert S not in shown
    assert "(concealed)" in shown
    assert shown.split()[0] == words.split()[0]
    assert "quiet" in shown or "quiet" not in words


SEEN = [
    "msiexec.exe /X{90160000-008C-0000-0000-0000000FF1CE} /qn REBOOT=ReallySuppress",
    "msiexec /p patch.msp /qn",
    'msiexec /p "C:\\x y\\patch.msp" /qn',
    "C:\\Windows\\System32\\svchost.exe -k NetworkService -p -s Dnscache",
    "svchost.exe -k netsvcs -p",
    "powershell.exe -ExecutionPolicy Bypass -File C:\\x\\compare.ps1 -Path C:\\y",
    '"C:\\Program Files\\Contoso\\unins000.exe" /SILENT /port=8080 -profile x',
    "C:\\Tools\\Keyboard\\key.exe /keyboard=de",
    "https://update.example/path?version=2",
    "net user anna /active:no",
    "Server=db;Database=x;Integrated Security=SSPI",
]


@pytest.mark.parametrize("words", SEEN)
def test_what_is_no_secret_is_seen(words):
    assert concealed(words) == words


@pytest.mark.parametrize("words", SECRET)
def test_no_secret_comes_into_the_report_by_any_way(words):
    windows = Windows()
    windows.program("A", DisplayName="App", UninstallString=words, QuietUninstallString=words, InstallSource=words)
    windows.user("anna").put(r"Software\Microsoft\Windows\CurrentVersion\Run", User=words)
    for name in ("Run", "RunOnce"):
        windows.software.put(rf"Microsoft\Windows\CurrentVersion\{name}", Machine=words)
    windows.system.put(rf"{SERVICES}\S", Type=0x10, Start=2, ImagePath=words)
    windows.system.put(r"ControlSet002\Control\Session Manager\Environment", START=words, AGENT_TOKEN=S)
    program, arguments = words.split(" ", 1)
    escaped = arguments.replace("&", "&amp;").replace("<", "&lt;")
    task = f"<Task><Exec><Command>{program.strip(chr(34))}</Command><Arguments>{escaped}</Arguments></Exec></Task>"
    windows.files[r"Windows\System32\Tasks\Contoso"] = task.encode()
    report = take(windows.volumes()).as_dict()
    assert S not in json.dumps(report)
    assert [task["actions"] for task in report["tasks"]] != [[]]
    assert "(concealed)" in report["services"][0]["path"]
    assert len([item for item in report["hidden"] if "(concealed)" in item["value"]]) == 5


@pytest.mark.parametrize("name", ["DB_PASSWORD", "PGPASSWORD", "API_KEY", "GH_TOKEN", "ClientSecret", "sa_pwd"])
def test_a_setting_that_is_named_a_secret_is_one(name):
    assert concealed_value(name, S) == "(concealed)"


def test_a_text_that_is_cut_says_so():
    assert concealed("x" * 2000) == "x" * 2000
    assert concealed("x" * 2001) == "x" * 1999 + "\u2026"
