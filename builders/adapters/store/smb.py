"""A store on a Windows or Samba server, over SMB 2 or 3: signed always, encrypted unless that is switched off.

A file is opened for reading alone, and shared for everything, so that neither PVS nor anybody else is ever kept from
it. Links are not followed by us; those that a Samba server follows by itself end at its share (``wide links = no``,
which is its default).
"""

from __future__ import annotations

import threading
from typing import Any

from smbprotocol.exceptions import NoMoreFiles
from smbprotocol.file_info import FileAttributes, FileInformationClass
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    DirectoryAccessMask,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    QueryDirectoryFlags,
    ShareAccess,
)

from builders.adapters.store.errors import FileMissing
from builders.adapters.store.names import path_inside, plain
from builders.adapters.store.smb_connection import Share, ShareConnection

ALL_SHARED = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
READ_FILE = FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES
READ_FOLDER = DirectoryAccessMask.FILE_LIST_DIRECTORY | DirectoryAccessMask.FILE_READ_ATTRIBUTES
LINKS = frozenset({0xA000000C, 0xA0000003})
"""Reparse tags of symbolic links and mount points. Others (deduplicated files) are files like any."""
MOST_NAMES = 100_000


class SmbFile:
    """A Source on a share. ``bytes_read`` counts what came over the wire as content."""

    def __init__(self, folder: SmbFolder, connection: ShareConnection, opened: Open, name: str) -> None:
        self.name, self.size = name, int(opened.end_of_file)
        self.bytes_read = 0
        self._folder, self._connection, self._opened = folder, connection, opened
        self._stamp = _stamp(opened)

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        with self._folder.lock:
            data = self._connection.read(f"{self._folder}\\{self.name} was read", self._opened, offset, length)
        self.bytes_read += len(data)
        return data

    def has_changed(self) -> bool:
        """Whether somebody wrote to it, or put another in its place, since it was opened."""
        try:
            now = self._folder.open(self.name)
        except FileMissing:
            return True
        try:
            return now._stamp != self._stamp
        finally:
            now.close()

    def close(self) -> None:
        with self._folder.lock:
            self._folder.close_opened(self._connection, self._opened)


class SmbFolder:
    """A Folder: ``path`` below a share, or the share itself. Connects when first used, anew when the way was lost.

    ``username`` as ``DOMAIN\\user`` or ``user@domain``. Nothing is kept open between runs after ``close``.
    """

    def __init__(
        self,
        server: str,
        share: str,
        path: str = "",
        *,
        username: str,
        password: str,
        encrypt: bool = True,
        port: int = 445,
        connect_seconds: float = 10.0,
        answer_seconds: float = 30.0,
    ) -> None:
        plain(share)
        self._path = path_inside(path)
        self._share = Share(server, share, username, password, encrypt, port, connect_seconds, answer_seconds)
        self._connection: ShareConnection | None = None
        self.lock = threading.RLock()

    def __str__(self) -> str:
        return f"{self._share}\\{self._path}" if self._path else str(self._share)

    def __repr__(self) -> str:
        return f"SmbFolder({self})"

    def open(self, name: str) -> SmbFile:
        plain(name)
        with self.lock:
            connection = self._connected()
            options = CreateOptions.FILE_NON_DIRECTORY_FILE
            opened = self._create(connection, f"{self}\\{name} was opened", self._inside(name), READ_FILE, options)
            return SmbFile(self, connection, opened, name)

    def names(self) -> list[str]:
        with self.lock:
            connection = self._connected()
            asked = f"{self} was asked for its files"
            opened = self._create(connection, asked, self._path, READ_FOLDER, CreateOptions.FILE_DIRECTORY_FILE)
            try:
                return sorted(self._listed(connection, asked, opened))
            finally:
                self.close_opened(connection, opened)

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def close_opened(self, connection: ShareConnection, opened: Open) -> None:
        """Let go of a file or folder. A connection that is gone has let go of it already."""
        if not (connection.is_alive and opened.connected):
            return
        message, unpack = opened.close(send=False)
        try:
            connection.ask(f"{self} was asked to close a file", message, unpack)
        except OSError:
            connection.abandon()

    def _connected(self) -> ShareConnection:
        if self._connection is None or not self._connection.is_alive:
            self._connection = ShareConnection(self._share)
        return self._connection

    def _inside(self, name: str) -> str:
        return f"{self._path}\\{name}" if self._path else name

    @staticmethod
    def _create(connection: ShareConnection, asked: str, path: str, access: int, options: int) -> Open:
        opened = connection.file(path)
        message, unpack = opened.create(
            ImpersonationLevel.Impersonation,
            access,
            0,
            ALL_SHARED,
            CreateDisposition.FILE_OPEN,
            options,
            send=False,
        )
        connection.ask(asked, message, unpack)
        return opened

    def _listed(self, connection: ShareConnection, asked: str, opened: Open) -> list[str]:
        found: list[str] = []
        flags = QueryDirectoryFlags.SMB2_RESTART_SCANS
        while True:
            message, unpack = opened.query_directory(
                "*", FileInformationClass.FILE_FULL_DIRECTORY_INFORMATION, flags=flags, send=False
            )
            entries = connection.ask(asked, message, unpack, nothing=(NoMoreFiles,))
            if not entries or len(found) > MOST_NAMES:
                return found
            found += [_name(entry) for entry in entries if _is_file(entry)]
            flags = 0


def _stamp(opened: Open) -> tuple[Any, int]:
    return opened.last_write_time, int(opened.end_of_file)


def _name(entry: Any) -> str:
    return bytes(entry["file_name"].get_value()).decode("utf-16-le", errors="replace")


def _is_file(entry: Any) -> bool:
    attributes = entry["file_attributes"]
    if attributes.has_flag(FileAttributes.FILE_ATTRIBUTE_DIRECTORY):
        return False
    is_link = attributes.has_flag(FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT)
    return not (is_link and entry["ea_size"].get_value() in LINKS)
