"""The files of a store, wherever it lies: a folder of this machine, or a share of a PVS server. Read only, always.

Both are a ``Folder`` of ``Source`` files (builders/inspection/sources.py). What goes wrong is said in the family of
``adapters.errors``; each of those is an OSError here as well, so that a reader of images need not know the family.
"""

from builders.adapters.store.local import LocalFolder
from builders.adapters.store.smb import SmbFolder

__all__ = ["LocalFolder", "SmbFolder"]
