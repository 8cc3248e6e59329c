"""Partitions of a disk and the NTFS volumes in them.

``layout`` what lies where, ``Cached`` a disk that keeps what it read, ``open_ntfs`` files by path, ``list_files`` every
file at once from the volume's own table, ``changed_files`` what differs between two states of one volume.
"""

from builders.inspection.volumes.cached import Cached
from builders.inspection.volumes.changes import FileChange, FileChanges, changed_files
from builders.inspection.volumes.listing import FileEntry, list_files
from builders.inspection.volumes.ntfs import Volume, open_ntfs
from builders.inspection.volumes.opened import OpenedFile
from builders.inspection.volumes.partitions import Layout, Partition, layout

__all__ = [
    "Cached",
    "FileChange",
    "FileChanges",
    "FileEntry",
    "Layout",
    "OpenedFile",
    "Partition",
    "Volume",
    "changed_files",
    "layout",
    "list_files",
    "open_ntfs",
]
