"""What a lifecycle rule looks at: a vDisk at this moment, and what the caller asks for."""

from dataclasses import dataclass
from datetime import datetime

from lab.pvs.datacentre import Datacentre
from lab.pvs.inventory import is_good_everywhere
from lab.pvs.model import BASES, MAINTENANCE, MERGING, Access, MergeMode, VDisk, Version


@dataclass(frozen=True)
class Situation:
    """`subject` is the version that the action is about, where there is one."""

    datacentre: Datacentre
    disk: VDisk
    now: datetime
    asked_version: int | None = None
    subject: Version | None = None
    date: datetime | None = None
    description: str | None = None
    merge_mode: MergeMode | None = None
    server: str = ""  # the server that executes the cmdlet

    @property
    def version(self) -> Version:
        if self.subject is None:
            raise LookupError("the rule has no subject here")
        return self.subject


# Conditions: each finishes the sentence "refused when ...". Those about the subject come after `unknown`.


def is_private(case: Situation) -> bool:
    return case.disk.write_cache_type in {0, 10}


def unknown(case: Situation) -> bool:
    return case.subject is None


def maintenance_exists(case: Situation) -> bool:
    return case.disk.maintenance is not None


def merge_runs(case: Situation) -> bool:
    return case.disk.merging is not None


def highest_is_pending(case: Situation) -> bool:
    return case.disk.highest.is_pending(case.now)


def no_server_is_up(case: Situation) -> bool:
    return not any(server.up for server in case.datacentre.farm.servers)


def not_in_test(case: Situation) -> bool:
    return case.version.access is not Access.TEST


def not_in_maintenance(case: Situation) -> bool:
    return case.subject is None or case.version.access not in MAINTENANCE


def date_is_past(case: Situation) -> bool:
    return case.date is not None and case.date <= case.now


def is_base_or_alone(case: Situation) -> bool:
    return case.version.number == 0 or len(case.disk.versions) == 1


def is_override(case: Situation) -> bool:
    return case.version.access is Access.OVERRIDE


def not_production(case: Situation) -> bool:
    """An override is a production version too, but it is not a plain one: clear it first."""
    return case.version.access is not Access.PRODUCTION


def neither_production_nor_override(case: Situation) -> bool:
    return case.version.access not in {Access.PRODUCTION, Access.OVERRIDE}


def is_obsolete(case: Situation) -> bool:
    return case.version.delete_when_free


def higher_production_exists(case: Situation) -> bool:
    return any(
        other.access in {Access.PRODUCTION, Access.OVERRIDE} and other.number > case.version.number
        for other in case.disk.versions
    )


def is_pending(case: Situation) -> bool:
    return case.version.is_pending(case.now)


def not_pending(case: Situation) -> bool:
    """Only a date is refused for a version that is released; a description may always be set."""
    return not case.version.is_pending(case.now)


def no_override(case: Situation) -> bool:
    return case.disk.override is None


def is_held(case: Situation) -> bool:
    """A target has it booted, or reads it below the version that it has booted."""
    return case.datacentre.farm.is_held(case.disk, case.version)


def neither_highest_nor_obsolete(case: Situation) -> bool:
    return case.version is not case.disk.highest and not case.version.delete_when_free


def is_needed_base(case: Situation) -> bool:
    return is_base_or_alone(case) and not case.version.delete_when_free


def is_being_merged(case: Situation) -> bool:
    """The version under construction, and those it is made of."""
    merged = case.disk.merging
    return merged is not None and (case.version.access in MERGING or not case.version.delete_when_free)


def fewer_than_two_updates(case: Situation) -> bool:
    return _updates(case) < 2


def no_update(case: Situation) -> bool:
    return _updates(case) < 1


def inventory_differs(case: Situation) -> bool:
    return not all(is_good_everywhere(case.datacentre, version) for version in case.disk.chain(case.disk.highest))


def _updates(case: Situation) -> int:
    """Versions since the last base."""
    return sum(version.type not in BASES for version in case.disk.chain(case.disk.highest))
