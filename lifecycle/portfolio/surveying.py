"""What is known of one vDisk, gathered from rows for the advice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from lifecycle.contents import Report, rows, text
from lifecycle.models import Boot, ImageContent, Job, VDisk
from lifecycle.portfolio.matching import Catalogue
from lifecycle.portfolio.readiness import readiness
from lifecycle.portfolio.situation import Hypervisor, Method, Situation
from lifecycle.states import JobState

KINDS: Mapping[Method, tuple[str, ...]] = {Method.REBUILD: ("rebuild",), Method.REVERSE: ("reverse-image",)}
"""Kinds of job whose history tells of a way."""
_TOOLS = (
    ("vmware_tools", Hypervisor.VSPHERE),
    ("xenserver_tools", Hypervisor.XENSERVER),
    ("hyperv_guest", Hypervisor.HYPERV),
)


def survey(
    vdisk: VDisk,
    content: ImageContent | None,
    catalogue: Catalogue,
    *,
    hypervisor: str = "",
    days_left: int | None = None,
) -> Situation:
    """``hypervisor`` and ``days_left`` as a person gave them; the former else as the image shows it."""
    report: Report = content.report if content else {}
    judged = readiness(report, catalogue) if content else None
    platform = report.get("platform")
    tools: Mapping[str, Any] = platform if isinstance(platform, Mapping) else {}
    chain = vdisk.chain()
    outcomes = Job.objects.filter(vdisk=vdisk, kind__in=KINDS[Method.REVERSE])
    return Situation(
        hypervisor=Hypervisor(hypervisor) if hypervisor else hypervisor_of(tools),
        target_version=numbers(_version(tools.get("pvs_target"))),
        has_contents=content is not None,
        readiness=judged.percent if judged else None,
        open_programs=judged.open_programs if judged else None,
        unexplained_folders=_folders(report) if content else None,
        signs=len(rows(report, "signs")),
        age_days=_age(report),
        versions=len(chain.links_of(chain.highest.number)) if chain.highest else 1,
        firmware=text(tools.get("firmware")),
        has_booted=_has_booted(vdisk),
        maintenance_taken=chain.maintenance is not None,
        reverse_failures=outcomes.filter(state__in=[JobState.FAILED, JobState.ERRORED]).count(),
        reverse_successes=outcomes.filter(state=JobState.SUCCEEDED).count(),
        days_left=days_left,
    )


def hypervisor_of(platform: Mapping[str, Any]) -> Hypervisor:
    """By the tools in the image; unknown when there are none, or those of two hypervisors."""
    found = [hypervisor for name, hypervisor in _TOOLS if platform.get(name)]
    # parts of Hyper-V's come with every Windows: they say something when nothing else does
    others = [each for each in found if each != Hypervisor.HYPERV]
    chosen = others or found
    return chosen[0] if len(chosen) == 1 else Hypervisor.UNKNOWN


def numbers(version: str) -> tuple[int, ...] | None:
    """``7.24.1.14`` as (7, 24, 1, 14)."""
    found = re.findall(r"\d{1,9}", version)
    return tuple(map(int, found)) or None


def _version(tool: Any) -> str:
    return text(tool.get("version")) if isinstance(tool, Mapping) else text(tool)


def _folders(report: Report) -> int:
    return sum(text(row.get("category")) == "folder" for row in rows(report, "hidden"))


def _age(report: Report) -> int | None:
    system = report.get("os")
    installed = text(system.get("installed_at")) if isinstance(system, Mapping) else ""
    try:
        moment = parse_datetime(installed)
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        return None
    now = timezone.now()
    return max(0, (now - (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))).days)


def _has_booted(vdisk: VDisk) -> bool | None:
    """True when a target was seen with any version of it. That none was seen says nothing: the portal may be new."""
    return True if Boot.objects.filter(vdisk=vdisk).exists() else None
