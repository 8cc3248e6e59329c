"""What the portal knows of a version's files from inside, as far as it still holds."""

from __future__ import annotations

from typing import Any

from lifecycle import fingerprints
from lifecycle.facts import ChainFacts
from lifecycle.fingerprints import Content, Contents
from lifecycle.models import VDisk, VersionImage


def image_of(vdisk: VDisk, number: int) -> VersionImage | None:
    """The image of the version that has this number now; a deleted one's number may be given anew."""
    of_it = VersionImage.objects.filter(version__vdisk=vdisk, version__number=number, version__gone_at=None)
    return of_it.select_related("content", "version").first()


def known(vdisk: VDisk, number: int, chain: ChainFacts) -> Contents:
    """By version number; empty when the files were not opened since PVS last told a change of them."""
    image = image_of(vdisk, number)
    if image is None or image.mirrored != fingerprints.fingerprint(chain, number):
        return {}
    return of_links(image.links)


def of_links(links: list[dict[str, Any]]) -> Contents:
    """``links`` as VersionImage keeps them."""
    return {
        link["number"]: Content(data_id=link["data_id"], size=link["file_size"], sequence=link["sequence"])
        for link in links
    }
