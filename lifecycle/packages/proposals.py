"""A first draft of a package from what is known already: an installer's facts."""

from __future__ import annotations

from dataclasses import replace

from lifecycle.installers.facts import Facts
from lifecycle.models import Installer
from lifecycle.package_kinds import Architecture, DetectionKind, InstallerKind
from lifecycle.packages import names, silence
from lifecycle.packages.terms import File, Terms

_EMPTY = Terms(name="")


def from_installer(installer: Installer, base: Terms = _EMPTY) -> Terms:
    """``base`` with what the file says in place of what it said; its other files stay."""
    facts = Facts.of(installer.facts)
    file = File(installer.name, installer.sha256, installer.size)
    kind = facts.kind if facts.kind in InstallerKind.values else InstallerKind.OTHER.value
    install, uninstall = silence.proposal(kind, file.name, facts.product_code)
    rule = (DetectionKind.PRODUCT_CODE.value, {"code": facts.product_code}) if facts.product_code else None
    return replace(
        base,
        name=base.name or facts.name,
        vendor=base.vendor or facts.vendor,
        version=facts.version or base.version,
        architecture=facts.architecture if facts.architecture in Architecture.values else base.architecture,
        installer=kind if kind != InstallerKind.OTHER else base.installer,
        install_command=install or base.install_command,
        uninstall_command=uninstall or base.uninstall_command,
        detection_kind=rule[0] if rule else base.detection_kind,
        detection=rule[1] if rule else base.detection,
        files=(file, *_others(base, file)),
    )


def key_for(terms: Terms) -> str:
    return names.suggested_key(terms.name)


def _others(base: Terms, file: File) -> tuple[File, ...]:
    """All of the base but its own installer, the first file, and what bears the new one's name."""
    return tuple(each for each in base.files[1:] if each.name.casefold() != file.name.casefold())
