"""What the kind of a partition is called. Kinds that Windows and its neighbours make; others are named by their id."""

from __future__ import annotations

EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"

WINDOWS_DATA = "Windows data"

GPT_KINDS = {
    EFI_SYSTEM: "EFI system",
    BASIC_DATA: WINDOWS_DATA,
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "dynamic disk, its database",
    "af9b60a0-1431-4f62-bc68-3311714a69ad": "dynamic disk",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d": "storage spaces",
    "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux data",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
}

MBR_KINDS = {
    0x01: "FAT12",
    0x04: "FAT16",
    0x06: "FAT16",
    0x07: WINDOWS_DATA,
    0x0B: "FAT32",
    0x0C: "FAT32",
    0x0E: "FAT16",
    0x27: "Windows recovery",
    0x42: "dynamic disk",
    0x82: "Linux swap",
    0x83: "Linux data",
    0xEF: "EFI system",
}


def gpt_kind(guid: str) -> str:
    return GPT_KINDS.get(guid, f"unknown kind {guid}")


def mbr_kind(number: int) -> str:
    return MBR_KINDS.get(number, f"unknown kind {number:#04x}")
