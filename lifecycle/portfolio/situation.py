"""What is known of a vDisk, and what somebody wants to change in it: the ground of an advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from django.db import models

from lifecycle.estimates import Expected


class Method(models.TextChoices):
    IN_PLACE = "in-place", "maintenance version, in place"
    REBUILD = "rebuild", "rebuild"
    REVERSE = "reverse", "reverse image"


class Wanted(models.TextChoices):
    """The changes people ask for."""

    PATCH = "patch", "Windows patches"
    APPLICATION = "application", "install or update an application"
    VDA = "vda", "update the Citrix VDA"
    TARGET_SOFTWARE = "target-software", "update the PVS target software"
    TOOLS = "tools", "update the hypervisor's tools or drivers"
    HARDWARE = "hardware", "another network card or VM generation"
    FIRMWARE = "firmware", "BIOS to UEFI"
    WINDOWS = "windows", "another release of Windows"
    HYPERVISOR = "hypervisor", "move to another hypervisor"
    CLEAN_UP = "clean-up", "get rid of what has piled up"


class Hypervisor(models.TextChoices):
    VSPHERE = "vsphere", "vSphere"
    HYPERV = "hyperv", "Hyper-V"
    XENSERVER = "xenserver", "XenServer"
    UNKNOWN = "unknown", "not known"


class Weight(IntEnum):
    """How much a factor counts."""

    SLIGHT = 1
    SOME = 2
    STRONG = 4

    @property
    def words(self) -> str:
        return {1: "a little", 2: "clearly", 4: "strongly"}[int(self)]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known of a vDisk. None is "not known", and then nothing is said of it."""

    hypervisor: Hypervisor = Hypervisor.UNKNOWN
    target_version: tuple[int, ...] | None = None
    """Of the PVS target software in the image, as in (7, 24)."""
    has_contents: bool = True
    readiness: int | None = None
    open_programs: int | None = None
    unexplained_folders: int | None = None
    signs: int = 0
    age_days: int | None = None
    versions: int = 1
    firmware: str = ""
    has_booted: bool | None = None
    """Whether a target has booted the version as a streamed disk lately."""
    maintenance_taken: bool = False
    """There is a maintenance version already, so nobody can make another one."""
    reverse_failures: int = 0
    reverse_successes: int = 0
    days_left: int | None = None
    durations: Mapping[Method, Expected] = field(default_factory=dict)


@dataclass(frozen=True)
class Factor:
    """``measured`` is the value as a person reads it; ``favours`` None: it is said, and weighs nothing."""

    name: str
    measured: str
    favours: Method | None
    weight: Weight
    words: str
