"""Which versions, and which running targets, contain a program, a patch or a driver in this or that version of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from lifecycle.contents import Category
from lifecycle.models import ContentItem, Target, Version, VersionImage, Watch
from lifecycle.models.watches import Comparison
from lifecycle.platform_parts import known_as
from lifecycle.program_versions import is_version, sort_key

_BOUND = {Comparison.BELOW: "lt", Comparison.FROM: "gte", Comparison.ABOVE: "gt"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is looked for. All ``words`` are to be in the name; ``category`` empty: any; ``vdisk``: its key, or any."""

    words: str
    category: str = ""
    comparison: str = Comparison.ANY
    version: str = ""
    vdisk: int | None = None

    @classmethod
    def of(cls, watch: Watch) -> Wanted:
        return cls(
            words=watch.words,
            category=watch.category,
            comparison=watch.comparison,
            version=watch.version,
            vdisk=watch.vdisk_id,
        )

    @property
    def compares(self) -> bool:
        return self.comparison != Comparison.ANY


def why_not(wanted: Wanted) -> dict[str, str]:
    """What is missing or makes no sense, by field."""
    found = {}
    if not wanted.words.strip():
        found["words"] = "Say what to look for: a part of the name."
    if wanted.compares and not wanted.version:
        found["version"] = "Say which version to compare with, or choose “any version”."
    elif wanted.compares and not is_version(wanted.version):
        found["version"] = f"“{wanted.version}” has no number in it, so nothing can be compared with it."
    elif wanted.version and not wanted.compares:
        found["comparison"] = f"Choose how to compare with {wanted.version}."
    if wanted.category and wanted.category not in {str(each) for each in Category}:
        found["category"] = "There is no such kind of thing."
    return found


def matching(wanted: Wanted, *, prefix: str = "") -> Q:
    """The condition on an item; ``prefix`` leads to it from another row, as ``content__items__``.

    "At 12.4" finds 12.4.1 too. What bears no version is neither below nor above one: see ``without_version``.
    """
    found = _named(wanted, prefix)
    key = sort_key(wanted.version)
    if wanted.comparison == Comparison.AT:
        found &= Q(**{f"{prefix}sort_key__startswith": key[:-1]})
    elif wanted.compares:
        found &= Q(**{f"{prefix}sort_key__{_BOUND[Comparison(wanted.comparison)]}": key})
        found &= Q(**{f"{prefix}sort_key__gt": ""})
    return found


def _named(wanted: Wanted, prefix: str) -> Q:
    found = Q()
    for word in wanted.words.split():
        found &= _called(word, prefix)
    if wanted.category:
        found &= Q(**{f"{prefix}category": wanted.category})
    return found


def _called(word: str, prefix: str) -> Q:
    """The word is in the name, or in what the portal calls a part of the platform that bears another name."""
    found = Q(**{f"{prefix}name__icontains": word})
    for words in known_as(word):
        found |= Q(**{f"{prefix}category": Category.PLATFORM, f"{prefix}name__icontains": words})
    return found


def _present(wanted: Wanted) -> Q:
    """The versions of now, whose image holds the item."""
    version = "content__version_images__version"
    found = Q(**{f"{version}__gone_at": None, f"{version}__vdisk__gone_at": None})
    if wanted.vdisk is not None:
        found &= Q(**{f"{version}__vdisk": wanted.vdisk})
    return found


def in_versions(wanted: Wanted) -> QuerySet[Any, Any]:
    """A row, as a dictionary, per version and item: ``vdisk``, ``vdisk_name``, ``version_number``, ``description``,
    ``targets`` that run it, ``partial``; and of the item ``name``, ``version``, ``category``, ``publisher``, ``view``,
    ``source``."""
    version = "content__version_images__version"
    runners = (
        Target.objects.filter(
            booted_vdisk=OuterRef(f"{version}__vdisk"),
            booted_version=OuterRef(f"{version}__number"),
            active=True,
            gone_at=None,
        )
        .order_by()
        .values("booted_vdisk")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return (
        ContentItem.objects.filter(_present(wanted) & matching(wanted))
        .values("name", "version", "category", "publisher", "view", "source")
        .annotate(
            vdisk=F(f"{version}__vdisk"),
            vdisk_name=F(f"{version}__vdisk__name"),
            version_number=F(f"{version}__number"),
            description=F(f"{version}__description"),
            partial=F("content__partial"),
            targets=Coalesce(Subquery(runners, output_field=IntegerField()), Value(0)),
        )
        .order_by("vdisk_name", "vdisk", "-version_number", "name", "version", "view", "id")
    )


def running_targets(wanted: Wanted) -> QuerySet[Target]:
    """Targets that run a version which contains it; ``found_name`` and ``found_version`` name the first such item."""
    images = VersionImage.objects.filter(
        matching(wanted, prefix="content__items__"),
        version__vdisk=OuterRef("booted_vdisk"),
        version__number=OuterRef("booted_version"),
        version__gone_at=None,
    )
    if wanted.vdisk is not None:
        images = images.filter(version__vdisk=wanted.vdisk)
    first = images.order_by("content__items__name", "content__items__sort_key")
    return (
        Target.objects.present()
        .filter(Exists(images), active=True)
        .annotate(
            found_name=Subquery(first.values("content__items__name")[:1]),
            found_version=Subquery(first.values("content__items__version")[:1]),
        )
        .for_list()
        .order_by("name", "id")
    )


def without_version(wanted: Wanted) -> int:
    """How many items of that name and kind bear no version to compare; they are neither found nor passed over
    silently."""
    if not wanted.compares:
        return 0
    return ContentItem.objects.filter(_present(wanted) & _named(wanted, ""), sort_key="").count()


def of_other_kinds(wanted: Wanted) -> int:
    """How many items would be found besides, were any kind looked for."""
    if not wanted.category:
        return 0
    anything = matching(replace(wanted, category=""))
    return ContentItem.objects.filter(_present(wanted) & anything).exclude(category=wanted.category).count()


def unread() -> int:
    """Versions of now whose contents have not been read: a search says nothing about them."""
    return (
        Version.objects.filter(gone_at=None, vdisk__gone_at=None).filter(Q(image=None) | Q(image__content=None)).count()
    )
