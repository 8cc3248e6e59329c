"""Which commands may wait for an answer for ever, and what is proposed instead."""

from __future__ import annotations

import pytest

from lifecycle.package_kinds import InstallerKind
from lifecycle.packages import silence

CODE = "{23170F69-40C1-2702-2408-000001000000}"


@pytest.mark.parametrize(
    ("installer", "command"),
    [
        ("msi", "msiexec /i app.msi /qn"),
        ("msi", 'msiexec.exe /i "C:\\x y\\app.msi" /quiet /norestart'),
        ("msi", "MSIEXEC /X {CODE} /QB! REBOOT=ReallySuppress"),
        ("msi", "msiexec /i a.msi /passive"),
        ("other", "msiexec -i a.msi -q"),
        ("inno", "setup.exe /VERYSILENT /SUPPRESSMSGBOXES"),
        ("inno", '"setup.exe" /silent'),
        ("nsis", '"npp.Installer.exe" /S'),
        ("nsis", "npp.exe /S /D=C:\\npp"),
        ("installshield", 'setup.exe /s /v"/qn"'),
        ("installshield", "setup.exe -s -f1c:\\answers.iss"),
        ("burn", "vc_redist.x64.exe /install /quiet /norestart"),
        ("burn", "vc_redist.x64.exe -q"),
        ("msu", "wusa kb.msu /quiet"),
        ("msu", "dism /online /add-package /packagepath:kb.cab"),
        ("msix", 'dism /Online /Add-ProvisionedAppxPackage /PackagePath:"a.msix" /SkipLicense'),
        ("other", "setup --silent"),
        ("other", "VDAWorkstationSetup.exe /quiet /noreboot"),
        ("other", "install.exe --mode unattended"),
        ("script", "install.ps1"),
        ("other", "powershell -File install.ps1"),
        ("nsis", ""),
    ],
)
def test_a_silent_command_is_not_warned_about(installer: str, command: str) -> None:
    assert silence.warning(command, installer) == ""


@pytest.mark.parametrize(
    ("installer", "command", "switch"),
    [
        ("msi", "msiexec /i app.msi", "/qn"),
        ("msi", "msiexec /i C:\\quiet\\q.msi", "/qn"),
        ("msi", "msiexec /i app.msi /qr", "/qn"),
        ("other", "msiexec /i app.msi /norestart", "/qn"),
        ("inno", "setup.exe /S", "/VERYSILENT"),
        ("nsis", "setup.exe /s", "/S (a capital letter)"),
        ("nsis", "setup.exe /VERYSILENT", "/S (a capital letter)"),
        ("installshield", 'setup.exe /v"/qn"', "/s, with"),
        ("burn", "setup.exe /install", "/quiet"),
        ("msu", "wusa kb.msu /norestart", "/quiet"),
        ("other", "setup.exe /log quiet.txt", "such as /quiet"),
    ],
)
def test_a_command_without_its_switch_is_warned_about(installer: str, command: str, switch: str) -> None:
    words = silence.warning(command, installer)

    assert words.startswith("It has no switch against questions. ")
    assert f"silent with {switch}" in words


@pytest.mark.parametrize("installer", InstallerKind.values)
def test_what_is_proposed_is_silent(installer: str) -> None:
    for command in silence.proposal(installer, "setup v1.exe", CODE):
        assert silence.warning(command, installer) == ""
        assert "{file}" not in command
        assert "{code}" not in command


def test_proposes_to_uninstall_an_msi_by_its_code_alone() -> None:
    assert silence.proposal("msi", "a.msi", CODE)[1] == f"msiexec /x {CODE} /qn /norestart"
    assert silence.proposal("msi", "a.msi")[1] == ""
