"""Files that stand for something else: links, compressed and deduplicated files, placeholders. None is followed."""

from __future__ import annotations

WOF = 0x80000017
_WORDS = {
    WOF: "compressed by Windows (CompactOS), not read",
    0x80000013: "deduplicated by Windows Server, not read",
    0xA000000C: "a symbolic link, not followed",
    0xA0000003: "a mount point or junction, not followed",
    0x8000001B: "an alias of a Store application, it has no content of its own",
    0x80000008: "kept in single-instance storage, not read",
    0x80000009: "in a mounted WIM file, not read",
    0x80000005: "moved to other storage, not read",
    0xC0000004: "moved to other storage, not read",
}
_CLOUD = 0x9000001A
_CLOUD_MASK = 0xFFFF0FFF


def words_of(tag: int) -> str:
    if tag & _CLOUD_MASK == _CLOUD:
        return "a placeholder of a file in the cloud, not read"
    return _WORDS.get(tag, f"a reparse point of the unknown kind {tag:#010x}, not read")
