"""Microsoft Office as Click-to-Run installs it: its version and the channel that brings it up to date."""

from __future__ import annotations

from typing import Any

from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.secrets import concealed

CONFIGURATION = r"Microsoft\Office\ClickToRun\Configuration"
CHANNELS = {
    "492350f6-3a01-4f97-b9c0-c7c6ddf67d60": "Current Channel",
    "64256afe-f5d9-4f86-8936-8840a6a4f5be": "Current Channel (Preview)",
    "55336b82-a18d-4dd6-b5f6-9e5095c314a6": "Monthly Enterprise Channel",
    "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114": "Semi-Annual Enterprise Channel",
    "b8f9b850-328d-4355-9145-c59439a0c4cf": "Semi-Annual Enterprise Channel (Preview)",
    "5440fd1f-7ecb-4221-8110-145efaa6372f": "Beta Channel",
    "f2e724c1-748f-4b47-8fb8-8e0d210e9208": "Office 2019 Perpetual Enterprise",
    "5030841d-c919-4594-8d2d-84ae4f96e58e": "Office LTSC 2021 Perpetual Enterprise",
    "7983bac0-e531-40cf-be00-fd24fe66619c": "Office LTSC 2024 Perpetual Enterprise",
}


def read_office(reading: Reading) -> dict[str, Any] | None:
    """version, products, channel (in words where known), channel_url, platform, source; None without it."""
    key = next((key for _, key in reading.both_views(CONFIGURATION)), None)
    if key is None or not (key.text("VersionToReport") or key.text("ProductReleaseIds")):
        return None
    address = key.text("UpdateChannel") or key.text("CDNBaseUrl")
    return {
        "version": key.text("VersionToReport") or key.text("ClientVersionToReport"),
        "products": sorted(part.strip() for part in key.text("ProductReleaseIds").split(",") if part.strip()),
        "channel": channel_of(address),
        "channel_url": concealed(address),
        "platform": key.text("Platform"),
        "source": f"SOFTWARE\\{key.path}",
    }


def channel_of(address: str) -> str:
    """ "" for an address that is none of Microsoft's, such as a share of one's own."""
    return next((words for part, words in CHANNELS.items() if part in address.lower()), "")
