"""The closed sets of the package catalogue. Imports nothing of ours."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Phase(models.TextChoices):
    """When a package is installed while an image is built, in this order; the PVS target device comes last."""

    DRIVER = "driver", "driver"
    RUNTIME = "runtime", "runtime"
    AGENT = "agent", "agent"
    APP = "app", "application"
    VDA = "vda", "VDA"
    PATCH = "patch", "patch"
    PVS = "pvs", "PVS target device"

    @property
    def rank(self) -> int:
        """0 for the first phase."""
        return list(Phase).index(self)


class Architecture(models.TextChoices):
    X64 = "x64", "64-bit (x64)"
    X86 = "x86", "32-bit (x86)"
    ARM64 = "arm64", "64-bit (ARM)"
    ANY = "any", "any"


class InstallerKind(models.TextChoices):
    """What made the installer; it decides which switch keeps it silent."""

    MSI = "msi", "Windows Installer (MSI)"
    BURN = "burn", "WiX bundle (Burn)"
    INNO = "inno", "Inno Setup"
    NSIS = "nsis", "NSIS"
    INSTALLSHIELD = "installshield", "InstallShield"
    MSU = "msu", "Windows update (MSU)"
    MSIX = "msix", "MSIX or AppX"
    SCRIPT = "script", "script"
    OTHER = "other", "other or unknown"


class DetectionKind(models.TextChoices):
    """How to see that a package is installed."""

    UNINSTALL_ENTRY = "uninstall-entry", "entry of the installed programs"
    PRODUCT_CODE = "product-code", "MSI product code"
    FILE_VERSION = "file-version", "version of a file"
    REGISTRY_VALUE = "registry-value", "registry value"
    SERVICE = "service", "service"


class PackageState(models.TextChoices):
    DRAFT = "draft", "draft"
    READY = "ready", "ready"
    RETIRED = "retired", "retired"


class PackageEvent(StrEnum):
    READY = "ready"
    DRAFT = "draft"
    RETIRE = "retire"
    REINSTATE = "reinstate"


PACKAGE_TRANSITIONS: dict[tuple[PackageState, PackageEvent], PackageState] = {
    (PackageState.DRAFT, PackageEvent.READY): PackageState.READY,
    (PackageState.READY, PackageEvent.DRAFT): PackageState.DRAFT,
    (PackageState.DRAFT, PackageEvent.RETIRE): PackageState.RETIRED,
    (PackageState.READY, PackageEvent.RETIRE): PackageState.RETIRED,
    (PackageState.RETIRED, PackageEvent.REINSTATE): PackageState.DRAFT,
}


class LinkKind(models.TextChoices):
    """How the revision of one package looks at another package."""

    NEEDS = "needs", "needs"
    CONFLICTS = "conflicts", "conflicts with"


class FileState(models.TextChoices):
    """What was found when an installer was last looked at in its folder."""

    IN_PLACE = "in-place", "in place"
    MISSING = "missing", "missing"
    DIFFERS = "differs", "its checksum differs"


SUCCESS_CODES = (0,)
REBOOT_CODES = (1641, 3010)
