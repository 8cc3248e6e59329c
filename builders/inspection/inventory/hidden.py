"""What a rebuild would lose unless somebody knew of it: settings and items that no program's entry mentions."""

from __future__ import annotations

from collections.abc import Iterator

from builders.inspection.inventory.file_paths import program_in
from builders.inspection.inventory.hidden_lists import (
    FONT_FILES,
    LOCAL_USERS,
    ODBC_DRIVERS,
    PRINTER_DRIVERS,
    PRINTERS,
    VARIABLES,
)
from builders.inspection.inventory.plain import cut
from builders.inspection.inventory.reading import Reading, first_of
from builders.inspection.inventory.report import Hidden
from builders.inspection.inventory.secrets import concealed_value
from builders.inspection.inventory.users import Profile
from builders.inspection.registry import Key

MOST_OF_A_KIND = 1000

_RUN = r"Microsoft\Windows\CurrentVersion"
_WINLOGON = r"Microsoft\Windows NT\CurrentVersion\Winlogon"
_FONTS = r"Microsoft\Windows NT\CurrentVersion\Fonts"
_ENVIRONMENT = r"Control\Session Manager\Environment"
_FIREWALL = r"Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
_STORES = ("ROOT", "CA", "MY", "TrustedPublisher")
_OWN_SHELL = {"Shell": "explorer.exe", "Userinit": "userinit.exe"}


def item(category: str, name: str, value: str, source: str) -> Hidden:
    return {"category": category, "name": cut(name, 300), "value": concealed_value(name, value), "source": source}


def read_hidden(reading: Reading, profiles: list[Profile], newcomers: Profile | None) -> list[Hidden]:
    """Each kind on its own; at most MOST_OF_A_KIND of each."""
    users = [*profiles, *([newcomers] if newcomers else [])]
    kinds = {
        "programs that start with Windows": lambda: _runs(reading, users),
        "sign-in programs": lambda: _winlogon(reading),
        "fonts": lambda: _fonts(reading, users),
        "printers": lambda: _printers(reading),
        "ODBC": lambda: _odbc(reading, users),
        "environment variables": lambda: _variables(reading),
        "firewall rules": lambda: _firewall(reading),
        "certificates": lambda: _certificates(reading),
        "local users": lambda: _local_users(reading),
        "names of hosts": lambda: _hosts(reading),
        "policies": lambda: _policies(reading),
    }
    found: list[Hidden] = []
    for words, read in kinds.items():
        nothing: list[Hidden] = []
        items = reading.part(words, lambda read=read: list(read()), nothing)  # type: ignore[misc]
        found.extend(first_of(items, MOST_OF_A_KIND, reading, words, "items"))
    return found


def _runs(reading: Reading, users: list[Profile]) -> Iterator[Hidden]:
    for name in ("Run", "RunOnce", "RunServices"):
        for _, key in reading.both_views(rf"{_RUN}\{name}"):
            yield from _values(key, name.lower(), "SOFTWARE")
        for profile in users:
            if key_of_user := profile.hive.key(rf"Software\{_RUN}\{name}"):
                yield from _values(key_of_user, name.lower(), profile.source)


def _values(key: Key, category: str, hive: str) -> Iterator[Hidden]:
    for name in key.value_names():
        if value := key.text(name):
            yield item(category, name, value, f"{hive}\\{key.path}")


def _winlogon(reading: Reading) -> Iterator[Hidden]:
    key = reading.software(_WINLOGON)
    for name, own in _OWN_SHELL.items() if key else ():
        value = key.text(name) if key else ""
        plain = value.strip(" ,").lower()
        if value and key and plain != own and not plain.endswith(rf"\system32\{own}"):
            yield item("winlogon", name, value, f"SOFTWARE\\{key.path}")


def _fonts(reading: Reading, users: list[Profile]) -> Iterator[Hidden]:
    key = reading.software(_FONTS)
    keys = [(key, "SOFTWARE")] if key else []
    for profile in users:
        if key_of_user := profile.hive.key(rf"Software\{_FONTS}"):
            keys.append((key_of_user, profile.source))
    for held, hive in keys:
        for name in held.value_names():
            file = held.text(name)
            if file and file.lower() not in FONT_FILES:
                yield item("font", name, file, f"{hive}\\{held.path}")


def _printers(reading: Reading) -> Iterator[Hidden]:
    for key in reading.control(r"Control\Print\Printers") or ():
        if key.name.lower() not in PRINTERS:
            port = f"{key.text('Printer Driver')} on {key.text('Port')}"
            yield item("printer", key.name, port, f"SYSTEM\\{key.path}")
    for environment in reading.control(r"Control\Print\Environments") or ():
        for version in environment.key("Drivers") or ():
            for driver in version:
                if driver.name.lower() not in PRINTER_DRIVERS:
                    yield item("printer-driver", driver.name, driver.text("DriverVersion"), f"SYSTEM\\{driver.path}")


def _odbc(reading: Reading, users: list[Profile]) -> Iterator[Hidden]:
    for _, key in reading.both_views(r"ODBC\ODBC.INI\ODBC Data Sources"):
        yield from _values(key, "odbc", "SOFTWARE")
    for profile in users:
        if key_of_user := profile.hive.key(r"Software\ODBC\ODBC.INI\ODBC Data Sources"):
            yield from _values(key_of_user, "odbc", profile.source)
    for _, key in reading.both_views(r"ODBC\ODBCINST.INI\ODBC Drivers"):
        for name in key.value_names():
            if name.lower() not in ODBC_DRIVERS and not name.lower().startswith(("microsoft ", "driver ")):
                yield item("odbc-driver", name, key.text(name), f"SOFTWARE\\{key.path}")


def _variables(reading: Reading) -> Iterator[Hidden]:
    key = reading.control(_ENVIRONMENT)
    for name in key.value_names() if key else ():
        value = key.text(name) if key else ""
        if name.lower() == "path":
            value = ";".join(part for part in value.split(";") if part and not _is_windows(part))
        if key and value and name.lower() not in VARIABLES:
            yield item("environment", name, value, f"SYSTEM\\{key.path}")


def _is_windows(folder: str) -> bool:
    return f"{program_in(folder.strip())}\\".lower().startswith("windows\\") or folder.lower() in (
        "%systemroot%",
        "%windir%",
    )


def _firewall(reading: Reading) -> Iterator[Hidden]:
    key = reading.control(_FIREWALL)
    for name in key.value_names() if key else ():
        rule = key.text(name) if key else ""
        parts = dict(part.split("=", 1) for part in rule.split("|") if "=" in part)
        words = parts.get("Name", "")
        if key and words and not words.startswith("@"):
            facts = " ".join(parts[part] for part in ("Action", "Dir", "Protocol", "LPort", "App") if part in parts)
            yield item("firewall", words, facts, f"SYSTEM\\{key.path}")


def _certificates(reading: Reading) -> Iterator[Hidden]:
    for store in _STORES:
        for key in reading.software(rf"Microsoft\SystemCertificates\{store}\Certificates") or ():
            yield item("certificate", key.name, store, f"SOFTWARE\\{key.path}")


def _local_users(reading: Reading) -> Iterator[Hidden]:
    names = reading.key("SAM", r"SAM\Domains\Account\Users\Names")
    for key in names or ():
        if key.name.lower() not in LOCAL_USERS:
            yield item("local-user", key.name, "", f"SAM\\{key.path}")


def _hosts(reading: Reading) -> Iterator[Hidden]:
    path = r"Windows\System32\drivers\etc\hosts"
    content = reading.file(path, 1 << 20) or b""
    for line in content.decode("utf-8", "replace").splitlines():
        plain = line.split("#", 1)[0].split()
        if len(plain) >= 2:
            yield item("hosts", plain[1], plain[0], path)


def _policies(reading: Reading) -> Iterator[Hidden]:
    for scope in ("Machine", "User"):
        path = rf"Windows\System32\GroupPolicy\{scope}\Registry.pol"
        if reading.exists(path):
            yield item("policy", f"local policy ({scope.lower()})", "", path)
    for path in (r"Windows\System32\inetsrv\config\applicationHost.config",):
        if reading.exists(path):
            yield item("iis", "web server configuration", "", path)
