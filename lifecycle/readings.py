"""Which images are to be read, who may ask for it, and the jobs that do it. Reading changes nothing in PVS."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from lifecycle import claims, fingerprints
from lifecycle.booting import situation
from lifecycle.errors import NotAllowed, NotNow
from lifecycle.facts import ChainFacts, VersionFacts
from lifecycle.models import AuditEntry, Farm, Job, StoreAccess, VDisk, Version, VersionImage
from lifecycle.states import Reading, Situation

PORTAL = "the portal"
AT_ONCE = 20
"""So many readings that nobody asked for wait or run at one time; the next sync asks for the rest."""
OPEN_COMPARISONS = 3
"""Of one person at one time: each may keep a worker for two hours."""
WHO_COMPARES = "A Citrix admin can have them compared."
DOES: dict[Reading, str] = {
    Reading.INSPECT: "Reads the version's files in their store, without changing anything, and lists what is in them.",
    Reading.HASH: "Reads every byte of the version's files and computes a BLAKE3 hash of each.",
    Reading.COMPARE: "Reads the folders of two versions and lists the files that differ.",
}
_URGENT = (Situation.PRODUCTION, Situation.OVERRIDE, Situation.TEST, Situation.PENDING, Situation.MAINTENANCE)


def portal_user() -> User:
    """In whose name the portal starts what nobody asked for. Nobody can log in by it."""
    user, is_new = User.objects.get_or_create(username=PORTAL, defaults={"is_active": False})
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def has_access(vdisk: VDisk) -> bool:
    return StoreAccess.objects.filter(store=vdisk.store_id).exists()


def is_written_now(chain: ChainFacts, version: VersionFacts) -> bool:
    """A target runs it and writes to its file, so that nothing read of it would hold together."""
    return version.device_count > 0 and (version.is_maintenance or chain.private)


def why_not_read(chain: ChainFacts, number: int) -> str:
    """In words, as far as PVS's own facts tell; empty when its files can be looked for."""
    version = chain.get(number)
    if version is None:
        return f"Version {number} no longer exists."
    if version.is_merging:
        return f"Version {number} is being merged; it is read when that has ended."
    if is_written_now(chain, version):
        return f"A target runs version {number} and writes to it; it is read when that target is shut down."
    if hidden := fingerprints.out_of_sight(chain, number):
        return f"No server shows {', '.join(hidden)} up to date now."
    return ""


def is_read_unasked(chain: ChainFacts, number: int) -> bool:
    """Not when the version is to be deleted and nothing needs its file any more: no target runs it or what stands on
    it, and no version that stays is built on it."""
    return any(
        number in {link.number for link in chain.links_of(other.number)}
        for other in chain.versions
        if other.device_count or not other.delete_when_free
    )


def no_access_words(vdisk: VDisk) -> str:
    return (
        f"The portal has no way to the files of store {vdisk.store.name}. A Citrix admin sets one on the portal's "
        f'machine: manage.py store_access set "{vdisk.farm.name}" "{vdisk.store.name}" ...'
    )


def start_reading(*, kind: Reading, vdisk: VDisk, number: int, by: User, reason: str = "") -> Job:
    """A person asks. NotNow with the reason when it cannot be done, or is being done."""
    if not by.has_perm("lifecycle.inspect_image"):
        raise NotAllowed("Your role does not have images read.")
    _check(vdisk, number)
    return _start(kind, vdisk, number, by=by, reason=reason, parameters={"anew": kind == Reading.INSPECT})


def start_comparison(*, before: Version, after: Version, by: User) -> Job:
    """The files that differ between two versions, of one vDisk or of two; the job that compares them already, if there
    is one. NotNow when the person has ``OPEN_COMPARISONS`` others under way."""
    if not by.has_perm("lifecycle.inspect_image"):
        raise NotAllowed(f"Your role does not have files compared. {WHO_COMPARES}")
    for version in (before, after):
        _check(version.vdisk, version.number)
    parameters = {"before": before.pk, "after": after.pk}
    with transaction.atomic():
        list(User.objects.select_for_update(no_key=True).filter(pk=by.pk))
        list(Version.objects.select_for_update(no_key=True).filter(pk=after.pk))
        comparisons = Job.objects.active().filter(kind=Reading.COMPARE)
        if same := comparisons.filter(parameters=parameters).first():
            return same
        if comparisons.filter(requested_by=by).count() >= OPEN_COMPARISONS:
            raise NotNow(
                f"You have {OPEN_COMPARISONS} comparisons of files under way. Wait until one of them has ended."
            )
        return _start(Reading.COMPARE, after.vdisk, after.number, by=by, parameters=parameters)


def due(farm: Farm, *, reader_version: str, now: datetime) -> list[tuple[VDisk, int]]:
    """The versions whose files are unknown or changed, the most urgent first; none that is being read."""
    reachable = StoreAccess.objects.filter(store__farm=farm, turned_away_at=None).values("store_id")
    vdisks = list(VDisk.objects.present().filter(farm=farm, store__in=reachable).with_chain())
    if not vdisks:
        return []
    images = {image.version_id: image for image in VersionImage.objects.filter(version__vdisk__in=vdisks)}
    active = _active(farm)
    found = []
    for vdisk in vdisks:
        chain = vdisk.chain()
        for row in vdisk.present_versions:
            image = images.get(row.pk)
            if (vdisk.pk, row.number) not in active and is_due(chain, row.number, image, reader_version, now):
                found.append((_urgency(chain, row.number), vdisk, row.number))
    return [(vdisk, number) for _, vdisk, number in sorted(found, key=lambda one: one[0])]


def is_due(chain: ChainFacts, number: int, image: VersionImage | None, reader_version: str, now: datetime) -> bool:
    """Whether a look at the files can tell something that is not known yet."""
    version = chain.get(number)
    if version is None or why_not_read(chain, number) or not is_read_unasked(chain, number):
        return False
    if image is None or image.mirrored != fingerprints.fingerprint(chain, number):
        return True
    if image.retry_at is not None:
        return image.retry_at <= now
    return image.reader_version != reader_version


def start_automatic(vdisk: VDisk, number: int) -> Job | None:
    """In the portal's name. None when the version is being read already."""
    try:
        return _start(Reading.INSPECT, vdisk, number, by=portal_user(), parameters={})
    except NotNow:
        return None


def automatic_room(farm: Farm) -> int:
    """How many more readings that nobody asked for may be queued now."""
    queued = Job.objects.active().filter(farm=farm, kind=Reading.INSPECT, requested_by__username=PORTAL)
    return max(AT_ONCE - queued.count(), 0)


def active_readings(vdisk: VDisk) -> QuerySet[Job]:
    return Job.objects.active().filter(vdisk=vdisk, kind__in=Reading.values)


def _active(farm: Farm) -> set[tuple[int | None, int | None]]:
    rows = Job.objects.active().filter(farm=farm, kind=Reading.INSPECT)
    return set(rows.values_list("vdisk_id", "version_number"))


def _urgency(chain: ChainFacts, number: int) -> tuple[int, int]:
    version = chain.get(number)
    here = situation(version, chain) if version else None
    return (_URGENT.index(here) if here in _URGENT else len(_URGENT), -number)


def _check(vdisk: VDisk, number: int) -> None:
    found = VDisk.objects.select_related("store", "farm").get(pk=vdisk.pk)
    if found.gone_at:
        raise NotNow(f"{found.name} is no longer in PVS.")
    if not has_access(found):
        raise NotNow(no_access_words(found))
    if why_not := why_not_read(found.chain(), number):
        raise NotNow(why_not)


def _start(kind: Reading, vdisk: VDisk, number: int, *, by: User, parameters: dict[str, Any], reason: str = "") -> Job:
    job = Job(
        kind=kind.value,
        title=f"{kind.label}: {vdisk.name} version {number}"[:200],
        farm=vdisk.farm,
        host=vdisk.farm.name,
        vdisk=vdisk,
        version_number=number,
        requested_by=by,
        reason=reason.strip(),
        parameters=parameters,
        writes=False,
        needs=claims.needs_of(kind=kind.value, farm=vdisk.farm, vdisk=vdisk, writes=False),
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            _note_start(job, vdisk, number)
    except IntegrityError as error:
        raise NotNow(f"“{kind.label}” of version {number} is under way already.") from error
    return job


def _note_start(job: Job, vdisk: VDisk, number: int) -> None:
    AuditEntry.objects.record(
        by=None if job.requested_by.get_username() == PORTAL else job.requested_by,
        action=f"job.start.{job.kind}",
        on=vdisk,
        on_name=f"{vdisk.name} version {number}",
        job=job,
        detail={"reason": job.reason, "does": DOES[Reading(job.kind)]},
    )
