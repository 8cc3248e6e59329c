"""Where the files of a version can be read: servers that have all of them up to date, and a way to their store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from builders.adapters.store import LocalFolder, SmbFolder
from builders.adapters.store.locks import lock_words
from builders.engine import masking
from builders.inspection.sandbox import Image
from builders.inspection.sources import Folder
from lifecycle.facts import ChainFacts
from lifecycle.models import Server, StoreAccess, VDisk
from lifecycle.states import ReplicaState, ServerStatus

WAY_BACK = "Set the way to the store anew with manage.py store_access."
READABLE = frozenset({ReplicaState.GOOD, ReplicaState.PROPERTIES_MISSING, ReplicaState.PROPERTIES_OUTDATED})
"""The disk file itself is up to date."""


@dataclass(frozen=True)
class Place:
    """One server's files of a chain. ``files``: their plain names, the top first; ``vdisk``: whose they are."""

    server: str
    access: StoreAccess
    files: tuple[str, ...]
    vdisk: str

    @contextmanager
    def opened(self) -> Iterator[Image]:
        """The chain, for as long as the folder's connection is to be kept."""
        folder = open_folder(self.access)
        try:
            yield Image(folder, self.files[0], self.files[1:])
        finally:
            if isinstance(folder, SmbFolder):
                folder.close()

    def lock_words(self) -> str:
        """Whether PVS keeps a lock beside the top file, in a folder of this machine or one that is mounted."""
        if self.access.kind != StoreAccess.Kind.LOCAL:
            return ""
        with contextlib.suppress(OSError):
            return lock_words(LocalFolder(self.access.path).names(), self.files[0])
        return ""


@dataclass(frozen=True)
class Places:
    """``why_none`` says in words why there is no place, or no more of them."""

    found: tuple[Place, ...]
    why_none: str


def places(vdisk: VDisk, chain: ChainFacts, number: int) -> Places:
    """All places, the best first: servers that are up before those PVS calls down, the least busy first.

    A server that PVS calls down is left out, but for a share that serves every server.
    """
    files = tuple(link.file_name for link in reversed(chain.links_of(number)))
    accesses = {access.server_id: access for access in StoreAccess.objects.filter(store=vdisk.store_id)}
    usable = {key: access for key, access in accesses.items() if access.turned_away_at is None}
    if not usable:
        return Places((), _no_access(vdisk, list(accesses.values())))
    servers = _servers_with(vdisk, chain, number)
    found: dict[int, Place] = {}
    for name, pk, is_down in servers:
        access = usable.get(pk) or usable.get(None)
        if access is not None and not (is_down and access.server_id is not None):
            found.setdefault(access.pk, Place(name, access, files, whose(vdisk)))
    if found:
        return Places(tuple(found.values()), "")
    if not servers:
        return Places((), f"No server has all files of version {number} up to date.")
    names = ", ".join(name for name, _, _ in servers)
    return Places((), f"The files lie on {names}, and none of them is up with a way set to its store.")


def whose(vdisk: VDisk) -> str:
    """The vDisk among all farms, by the identities that PVS gave."""
    return f"{vdisk.farm.guid or vdisk.farm_id}/{vdisk.guid}"


def open_folder(access: StoreAccess) -> Folder:
    """The account is decrypted here, in the worker, and no earlier."""
    if access.kind == StoreAccess.Kind.LOCAL:
        return LocalFolder(access.path)
    masking.remember(access.password)
    return SmbFolder(
        access.host,
        access.share,
        access.path,
        username=access.username,
        password=access.password,
        port=access.port,
        encrypt=access.encrypt,
    )


def _servers_with(vdisk: VDisk, chain: ChainFacts, number: int) -> list[tuple[str, int, bool]]:
    """Name, key, and whether PVS calls it down, of each server that has every link up to date."""
    wanted = {link.number for link in chain.links_of(number)}
    good: dict[str, set[int]] = {}
    for copy in chain.replicas:
        if copy.number in wanted and copy.state in READABLE:
            good.setdefault(copy.server, set()).add(copy.number)
    whole = [name for name, numbers in good.items() if numbers == wanted]
    servers = list(Server.objects.filter(farm=vdisk.farm_id, gone_at=None, name__in=whole))
    servers.sort(key=lambda server: (server.status == ServerStatus.DOWN, server.device_count, server.name))
    return [(server.name, server.pk, server.status == ServerStatus.DOWN) for server in servers]


def _no_access(vdisk: VDisk, accesses: list[StoreAccess]) -> str:
    if not accesses:
        return f"The portal has no way to the files of store {vdisk.store.name}."
    refused = ", ".join(access.place for access in accesses)
    return f"{refused} turned the portal's account away; so that it is not locked, it is not tried again. {WAY_BACK}"
