"""Exactly what one change request would change: from which version, to which, for how many targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifecycle import fingerprints
from lifecycle.booting import next_for_production
from lifecycle.facts import VersionFacts
from lifecycle.models import ChangeRequest, Target
from lifecycle.states import Action
from portal.pictures import outlook
from portal.pictures.words import Replication, replication

RUNNERS_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """``before`` and ``after`` are what production targets boot next, now and once it has gone live."""

    before: VersionFacts | None
    after: VersionFacts | None
    version: VersionFacts | None
    production_targets: int
    shifts: tuple[outlook.Shift, ...]
    replication: Replication | None
    links: tuple[Any, ...]
    differences: tuple[str, ...]
    runners: tuple[str, ...]
    has_more_runners: bool

    @property
    def is_held_back(self) -> bool:
        """An override would keep production targets where they are."""
        return bool(self.version and self.after and self.after.number != self.version.number)


def promotion(change: ChangeRequest) -> Promotion:
    """``change`` may be a draft that is not saved yet; then its links are those of the farm now."""
    chain, number = change.vdisk.chain(), change.version_number
    version = chain.get(number)
    later = outlook.after(Action.PROMOTE_PRODUCTION, chain, number)
    links_now = fingerprints.links(chain, number) if version else []
    asked = change.links or links_now
    runners = _runners(change)
    return Promotion(
        before=next_for_production(chain),
        after=next_for_production(later),
        version=version,
        production_targets=change.vdisk.production_targets,
        shifts=tuple(
            outlook.shifts(chain, later, production_targets=change.vdisk.production_targets, live_at=change.go_live_at)
        ),
        replication=replication(version, chain) if version else None,
        links=tuple(asked),
        differences=tuple(fingerprints.difference(asked, links_now)) if version else (),
        runners=tuple(runners[:RUNNERS_SHOWN]),
        has_more_runners=len(runners) > RUNNERS_SHOWN,
    )


def _runners(change: ChangeRequest) -> list[str]:
    """Names of targets that run the version now, one more than are shown."""
    targets = Target.objects.present().filter(
        booted_vdisk=change.vdisk, booted_version=change.version_number, active=True
    )
    return list(targets.order_by("name").values_list("name", flat=True)[: RUNNERS_SHOWN + 1])
