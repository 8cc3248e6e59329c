"""The catalogue as the rules of this folder look at it, made from rows; and the contents they look at."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Prefetch

from lifecycle.models import (
    ImageContent,
    Installer,
    Package,
    PackageRevision,
    PackageTest,
    ProgramRule,
    SourceFile,
    VDisk,
    VersionImage,
)
from lifecycle.package_kinds import DetectionKind, FileState, PackageState
from lifecycle.portfolio.matching import Catalogue, PackageFacts, Rule


def catalogue() -> Catalogue:
    """All packages and decisions: four queries, however many there are."""
    in_place = Installer.objects.filter(sha256=OuterRef("sha256"), state=FileState.IN_PLACE)
    files = SourceFile.objects.annotate(is_in_place=Exists(in_place))
    newest = PackageTest.objects.order_by("-at", "-id")
    packages = Package.objects.select_related("current").prefetch_related(
        Prefetch("current__files", files, to_attr="checked_files"),
        Prefetch("current__tests", newest, to_attr="newest_tests"),
    )
    codes = _product_codes()
    rules = {rule.key: Rule(rule.package_id, rule.needs_none) for rule in ProgramRule.objects.all()}
    return Catalogue.of((_facts(package, codes) for package in packages), rules)


def _product_codes() -> dict[str, str]:
    """Digest of an MSI file -> its product code, as the file itself says."""
    rows = Installer.objects.filter(facts__has_key="product_code").values_list("sha256", "facts__product_code")
    return {digest: str(code) for digest, code in rows if code}


def _facts(package: Package, codes: dict[str, str]) -> PackageFacts:
    current = package.current
    if current is None:
        return PackageFacts(pk=package.pk, name=package.key, key=package.key, gaps=("nothing is described yet",))
    rule = current.detection
    kind = current.detection_kind
    detected = {code for file in current.checked_files if (code := codes.get(file.sha256))}  # type: ignore[attr-defined]
    if kind == DetectionKind.PRODUCT_CODE:
        detected.add(rule.get("code", ""))
    return PackageFacts(
        pk=package.pk,
        name=current.name,
        key=package.key,
        vendor=current.vendor,
        version=current.version,
        gaps=tuple(_gaps(package, current)),
        product_codes=tuple(sorted(detected)),
        detected_names=(rule.get("name", ""),) if kind == DetectionKind.UNINSTALL_ENTRY else (),
        is_retired=package.state == PackageState.RETIRED,
    )


def _gaps(package: Package, current: PackageRevision) -> Iterable[str]:
    """What the package lacks for a rebuild, a clause each; the same clause for the same gap."""
    files = current.checked_files  # type: ignore[attr-defined]
    tests = current.newest_tests  # type: ignore[attr-defined]
    if package.state == PackageState.DRAFT:
        yield "it is a draft"
    if not package.owner:
        yield "it has no owner"
    if not files:
        yield "it has no source file"
    elif not all(file.is_in_place for file in files):
        yield "a source file is not in its place"
    if not current.install_command:
        yield "it has no install command"
    if not tests:
        yield "it was never tested"
    elif not tests[0].passed:
        yield "its last test failed"


def newest_image(vdisk: VDisk) -> VersionImage | None:
    """The highest version whose contents are known: what a rebuild would have to bring back."""
    found = VersionImage.objects.filter(version__vdisk=vdisk, version__gone_at=None, content__isnull=False)
    return found.select_related("version", "content").order_by("-version__number").first()


def newest_contents(vdisks: Iterable[VDisk]) -> dict[int, tuple[int, ImageContent]]:
    """vDisk -> (number, contents) of its highest version whose contents are known; one query."""
    images = (
        VersionImage.objects.filter(version__vdisk__in=list(vdisks), version__gone_at=None, content__isnull=False)
        .select_related("version", "content")
        .order_by("version__vdisk", "-version__number")
        .distinct("version__vdisk")
    )
    return {image.version.vdisk_id: (image.version.number, image.content) for image in images if image.content}
