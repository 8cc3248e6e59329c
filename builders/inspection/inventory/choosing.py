"""Which volume of an image is the one that its Windows boots from, where several hold one."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

from builders.inspection.inventory.finding import CONFIG, MISSES, SOFTWARE, Volume, Volumes
from builders.inspection.inventory.hives import open_hive

_MOUNTED, _DRIVE = "MountedDevices", r"\DosDevices\C:"
_BY_GUID = b"DMIO:ID:"


@dataclass
class Choice:
    """``problems``: (place, words). ``is_sure``: the volume is the only one, or the only one that says it is C:."""

    volume: Volume | None = None
    is_sure: bool = True
    problems: list[tuple[str, str]] = field(default_factory=list)


def find_system(volumes: Volumes) -> Volume | None:
    """The volume with Windows' SOFTWARE hive; of several the one that ``choose`` takes."""
    return choose(volumes).volume


def choose(volumes: Volumes) -> Choice:
    """Of several Windows the one whose own registry says that its partition is C:, else the one that an MBR boots,
    else the first; all of them are named."""
    choice = Choice()
    held = _with_windows(volumes, choice)
    if not held:
        return choice
    own = [number for number in held if is_own_drive(volumes, number)] if len(held) > 1 else held
    active = [number for number in own or held if _place(volumes, number).get("is_active")]
    chosen = (active or own or held)[0]
    choice.volume = volumes.volumes[chosen]
    if len(held) > 1:
        choice.is_sure = choice.is_sure and len(own) == 1
        why = "its registry alone says that it is C:" if len(own) == 1 else "which one boots cannot be told"
        names = " and ".join(_name(volumes, number) for number in held)
        choice.problems.append(("image", f"Windows lies on {names}; {_name(volumes, chosen)} was read: {why}"))
    return choice


def is_own_drive(volumes: Volumes, number: int) -> bool:
    """Whether the Windows on a volume calls the partition that it lies on C:.

    MountedDevices holds 4 bytes of the disk's signature and 8 of the partition's offset, or a mark and its GUID.
    """
    place = _place(volumes, number)
    try:
        key = open_hive(volumes.volumes[number], rf"{CONFIG}\SYSTEM").key(_MOUNTED)
    except MISSES:
        return False
    held = key.raw(_DRIVE) if key else b""
    if held.startswith(_BY_GUID) and len(held) == len(_BY_GUID) + 16:
        guid = uuid.UUID(bytes_le=held[len(_BY_GUID) :])
        return str(guid) == str(place.get("partition_id", "")).lower().strip("{}")
    if len(held) != 12 or not volumes.disk_id:
        return False
    signature, offset = struct.unpack("<IQ", held)
    return bool(f"{signature:08x}" == volumes.disk_id.lower() and offset == place.get("start"))


def _with_windows(volumes: Volumes, choice: Choice) -> list[int]:
    held = []
    for number, volume in enumerate(volumes.volumes):
        try:
            if volume.exists(SOFTWARE):
                held.append(number)
        except MISSES as error:
            choice.is_sure = False
            words = f"whether Windows lies there cannot be told: {error}"
            choice.problems.append((_name(volumes, number), words))
    return held


def _place(volumes: Volumes, number: int) -> dict[str, Any]:
    return volumes.places[number] if number < len(volumes.places) else {}


def _name(volumes: Volumes, number: int) -> str:
    place, label = _place(volumes, number), volumes.volumes[number].label
    counted = f"partition {place['number']}" if place.get("number") else f"volume {number + 1}"
    return f"{counted} ({label})" if label else counted
