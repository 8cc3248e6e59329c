"""One vDisk: its chain, what each version is for, and what can be done now, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from lifecycle.facts import ChainFacts
from lifecycle.models import Boot, ChangeRequest, Job, ProductionChange, VDisk
from lifecycle.states import Action, Situation
from lifecycle.transitions import TRANSITIONS, Possibility, possibilities, vdisk_possibilities
from portal.http import PortalRequest, needs, page
from portal.pictures import chain as chain_picture
from portal.pictures.lanes import Card, cards
from portal.pictures.schedule import with_schedule
from portal.views.actions import NO_ACTION_PAGE

HISTORY_ROWS = 12
ONWARDS = frozenset({Action.NEW_VERSION, Action.PROMOTE_PRODUCTION})


@dataclass(frozen=True)
class Choice:
    """A button, or the reason why there is none."""

    possibility: Possibility
    url: str
    is_onwards: bool  # leads a version on its way to production; drawn as the first choice
    is_far: bool  # the version is plainly in another state

    @property
    def label(self) -> str:
        if self.possibility.action == Action.PROMOTE_PRODUCTION:
            return "Request production"
        return self.possibility.action.label


@dataclass(frozen=True)
class Choices:
    """``impossible`` may become possible; ``far`` belongs to another state of the version altogether."""

    possible: tuple[Choice, ...]
    impossible: tuple[Choice, ...]
    far: tuple[Choice, ...]


@dataclass(frozen=True)
class VersionPart:
    card: Card
    choices: Choices


@require_safe
@needs("lifecycle.view_vdisk")
def vdisk(request: PortalRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(VDisk.objects.with_chain(), pk=pk)
    chain = found.chain()
    all_cards = cards(found, chain)
    onwards = _onwards(found, chain)
    parts = [
        VersionPart(card, _choices(request, found, possibilities(chain, card.number), onwards, card.situation))
        for card in all_cards
    ]
    context = {
        "vdisk": found,
        "picture": chain_picture.draw(all_cards, chain),
        "parts": [part for part in parts if part.card.situation != Situation.OBSOLETE],
        "obsolete_parts": [part for part in parts if part.card.situation == Situation.OBSOLETE],
        "choices": _choices(request, found, vdisk_possibilities(chain), onwards),
        **_history(request, found),
    }
    return page(request, "vdisks/vdisk.html", context, fragment="vdisks/_vdisk.html")


def _onwards(found: VDisk, chain: ChainFacts) -> frozenset[Action]:
    """The next step of each state. A maintenance version is promoted once a target has run it, not before."""
    version = chain.maintenance
    if version is None:
        return ONWARDS
    came = next(row.first_seen_at for row in found.present_versions if row.number == version.number)
    # PVS gives the number of a deleted version anew: boots of that one do not count
    boots = Boot.objects.filter(vdisk=found, number=version.number).filter(Q(ended_at=None) | Q(ended_at__gt=came))
    was_run = version.device_count > 0 or boots.exists()
    return ONWARDS | {Action.PROMOTE_TEST if was_run else Action.BOOT_MAINTENANCE}


def _choices(
    request: PortalRequest,
    found: VDisk,
    all_of_them: list[Possibility],
    onwards: frozenset[Action],
    situation: Situation | None = None,
) -> Choices:
    """Only what this person's role does at all; nothing for a vDisk that PVS no longer has."""
    mine = [] if found.gone_at else [each for each in all_of_them if _in_role(request, each.action)]
    made = [Choice(each, _url(found, each), each.action in onwards, _is_far(each, situation)) for each in mine]
    refused = [choice for choice in made if not choice.possibility.allowed]
    return Choices(
        possible=tuple(choice for choice in made if choice.possibility.allowed),
        impossible=tuple(choice for choice in refused if not choice.is_far),
        far=tuple(choice for choice in refused if choice.is_far),
    )


def _is_far(possibility: Possibility, situation: Situation | None) -> bool:
    """The action starts from another state, and the table has no reason of its own for this one."""
    row = TRANSITIONS[possibility.action]
    return situation is not None and situation not in row.starts_from and situation not in row.elsewhere_by


def _in_role(request: PortalRequest, action: Action) -> bool:
    if action == Action.PROMOTE_PRODUCTION:
        return request.user.has_perm("lifecycle.request_promotion")
    return action not in NO_ACTION_PAGE and request.user.has_perm("lifecycle.operate_version")


def _url(found: VDisk, possibility: Possibility) -> str:
    if possibility.action == Action.PROMOTE_PRODUCTION:
        return f"{reverse('change-new')}?vdisk={found.pk}&version={possibility.version}"
    url = reverse("vdisk-action", args=[found.pk, possibility.action.value])
    return url if possibility.version is None else f"{url}?version={possibility.version}"


def _history(request: PortalRequest, found: VDisk) -> dict[str, Any]:
    """What happened to this vDisk, as far as the role sees it."""
    sees_jobs = request.user.has_perm("lifecycle.view_job")
    sees_changes = request.user.has_perm("lifecycle.view_changerequest")
    requests = ChangeRequest.objects.filter(vdisk=found).for_list()
    jobs = list(Job.objects.filter(vdisk=found).for_list()[:HISTORY_ROWS]) if sees_jobs else []
    changes = list(with_schedule(requests)[:HISTORY_ROWS]) if sees_changes else []
    return {
        "production_changes": list(ProductionChange.objects.filter(vdisk=found)[:HISTORY_ROWS]),
        "jobs": jobs,
        "changes": changes,
        "active_jobs": [job for job in jobs if job.is_active],
        "live_changes": [change for change in changes if change.is_live],
    }
