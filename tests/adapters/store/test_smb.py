"""A share on a real Samba server: protection, refusals, and a server that goes away at the worst moment."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from smbprotocol.header import Commands, Smb2Flags, SMB2HeaderResponse

from builders.adapters.errors import NotAuthenticated, NotFound, Refused, TimedOut, Unreachable
from builders.adapters.store import SmbFolder
from builders.adapters.store.smb_failures import NotProtected
from builders.inspection.errors import OutOfPlace
from builders.inspection.sandbox import Image, run
from tests.adapters.store.conftest import BYTES, fill, share
from tests.adapters.store.samba import PASSWORD, Samba, free_port
from tests.inspection import sample


class Wire:
    """Passes everything on between a client and a server, counts it, and can fall silent."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.from_server = 0
        self.seen = bytearray()
        self.silent = threading.Event()
        self._open: list[socket.socket] = [self._server]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client = self._server.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open += [client, server]
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                self.seen += data
                if is_answer:
                    self.from_server += len(data)
                    if self.silent.is_set():
                        continue
                target.sendall(data)
        except OSError:
            pass

    def close(self) -> None:
        for each in self._open:
            each.close()


@pytest.fixture
def wire(samba: Samba) -> Iterator[Wire]:
    made = Wire(samba.port)
    yield made
    made.close()


def test_an_encrypted_share_shows_nothing_on_the_wire(samba: Samba, samba_store: Path, wire: Wire) -> None:
    """And without encryption it does, so that the first half can fail."""
    for encrypt in (True, False):
        wire.seen.clear()
        folder = share(samba, port=wire.port, encrypt=encrypt)
        assert folder.open("W11.vhdx").read(0, 100_000) == BYTES[:100_000]
        folder.close()
        assert (BYTES[:4096] in wire.seen) is not encrypt
        assert ("W11.vhdx".encode("utf-16-le") in wire.seen) is not encrypt


def test_only_the_blocks_that_are_asked_for_come_over_the_wire(samba: Samba, samba_store: Path, wire: Wire) -> None:
    (samba_store / "large.vhdx").touch()
    with (samba_store / "large.vhdx").open("r+b") as file:
        file.truncate(1 << 40)
    folder = share(samba, port=wire.port)
    opened = folder.open("large.vhdx")
    before = wire.from_server
    for offset in range(0, 1 << 40, 1 << 36):
        assert opened.read(offset, 4096) == bytes(4096)
    assert opened.bytes_read == 16 * 4096
    assert wire.from_server - before < 16 * (4096 + 400)
    folder.close()


def test_unsigned_answers_are_not_taken(samba: Samba, samba_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody on the way who strips signatures is noticed, and refused in words."""
    folder = share(samba, encrypt=False)
    opened = folder.open("W11.vhdx")
    kind = type(folder._connection._connection)
    as_it_is = kind.verify_signature

    def stripped(self, header, session_id, force=False):
        header["flags"].set_value(header["flags"].get_value() & ~Smb2Flags.SMB2_FLAGS_SIGNED)
        return as_it_is(self, header, session_id, force)

    monkeypatch.setattr(kind, "verify_signature", stripped)
    with pytest.raises(Refused, match="without a signature") as caught:
        opened.read(0, 10)
    assert "Somebody may be changing" in caught.value.remedy


def test_answers_in_the_clear_are_not_taken(samba: Samba, samba_store: Path) -> None:
    """On an encrypted connection nothing else counts, signed or not."""
    folder = share(samba)
    folder.names()
    connection, session = folder._connection._connection, folder._connection._session
    forged = SMB2HeaderResponse()
    forged["command"] = Commands.SMB2_READ
    forged["flags"] = Smb2Flags.SMB2_FLAGS_SIGNED
    with pytest.raises(NotProtected, match="unencrypted"):
        connection.verify_signature(forged, session.session_id)
    folder.close()


def test_an_altered_answer_is_not_taken(samba: Samba, samba_store: Path) -> None:
    folder = share(samba, encrypt=False)
    opened = folder.open("W11.vhdx")
    folder._connection._session.signing_key = bytes(16)
    with pytest.raises((Refused, Unreachable)):
        opened.read(0, 10)


def test_encryption_is_not_given_up(tmp_path: Path) -> None:
    old = Samba(tmp_path, extra="    server max protocol = SMB2_10\n")
    try:
        fill(old.store)
        with pytest.raises(Refused, match="SMB 3"):
            share(old).names()
        assert "W11.vhdx" in share(old, encrypt=False).names()
    finally:
        old.stop()


def test_a_wrong_password(samba: Samba) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        share(samba, password="wrong-Password-8").names()
    assert caught.value.permanent
    assert "wrong-Password-8" not in f"{caught.value} {caught.value.details} {caught.value.remedy}"


def test_an_unknown_account_is_no_guest(samba: Samba) -> None:
    with pytest.raises(NotAuthenticated):
        share(samba, username="nobody-at-all").names()


def test_no_password_is_shown(samba: Samba) -> None:
    folder = share(samba)
    folder.names()
    assert PASSWORD not in repr(folder) + str(folder) + repr(folder._connection.share)
    assert str(share(samba, path="a\\b")) == r"\\127.0.0.1\store\a\b"
    folder.close()


def test_a_share_that_is_not_there(samba: Samba) -> None:
    with pytest.raises(NotFound, match="there is no such share"):
        share(samba, share="gone").names()


def test_a_share_that_the_account_may_not_use(samba: Samba) -> None:
    with pytest.raises(Refused, match="access rights") as caught:
        share(samba, share="secret").names()
    assert caught.value.permanent
    assert caught.value.remedy == "Give the account the right to read there."


@pytest.mark.parametrize("path", ["..", "a/../..", "a\\..\\b", "con", "a:b"])
def test_a_path_that_climbs(path: str) -> None:
    with pytest.raises(OutOfPlace):
        SmbFolder("server", "store", path, username="u", password="p")


@pytest.mark.parametrize("name", ["store\\..", "..", "a/b", ""])
def test_a_share_that_is_no_name(name: str) -> None:
    with pytest.raises(OutOfPlace):
        SmbFolder("server", name, username="u", password="p")


def test_a_file_that_somebody_holds_alone(samba: Samba, samba_store: Path) -> None:
    """As a program on Windows does that opens for writing and shares nothing."""
    from smbprotocol.open import CreateDisposition, ImpersonationLevel, Open

    writer = share(samba, share="writable")
    writer.names()
    held = Open(writer._connection._tree, "W11.vhdx")
    alone, everything = 0, 0x12019F
    held.create(ImpersonationLevel.Impersonation, everything, 0, alone, CreateDisposition.FILE_OPEN, 0x40)
    reader = share(samba, share="writable")
    with pytest.raises(Refused, match="open for writing by somebody") as caught:
        reader.open("W11.vhdx")
    assert not caught.value.permanent
    held.close()
    assert reader.open("W11.vhdx").read(0, 4) == BYTES[:4]
    writer.close()
    reader.close()


def test_we_keep_nobody_from_writing(samba: Samba, samba_store: Path) -> None:
    from smbprotocol.open import CreateDisposition, ImpersonationLevel, Open

    reader = share(samba, share="writable")
    opened = reader.open("W11.1.avhdx")
    writer = share(samba, share="writable")
    writer.names()
    held = Open(writer._connection._tree, "W11.1.avhdx")
    held.create(ImpersonationLevel.Impersonation, 0x12019F, 0, 7, CreateDisposition.FILE_OPEN, 0x40)
    held.write(b"CHILD")
    held.close()
    assert opened.read(0, 5) == b"CHILD"
    writer.close()
    reader.close()


def test_nobody_listens() -> None:
    folder = SmbFolder("127.0.0.1", "store", username="u", password="p", port=free_port())
    with pytest.raises(Unreachable, match="asked for a connection"):
        folder.names()


def test_somebody_else_listens() -> None:
    """A server of another protocol: no hang, no surprise."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client = server.accept()[0]
            client.recv(1000)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        port = server.getsockname()[1]
        with pytest.raises(Unreachable, match="which SMB does not have"):
            SmbFolder("127.0.0.1", "s", username="u", password="p", port=port).names()


def test_a_server_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(TimedOut):
            SmbFolder("127.0.0.1", "s", username="u", password="p", port=port, connect_seconds=0.5).names()


def test_a_server_that_falls_silent_while_reading(samba: Samba, samba_store: Path, wire: Wire) -> None:
    folder = share(samba, port=wire.port, answer_seconds=1.0)
    opened = folder.open("W11.vhdx")
    assert opened.read(0, 10) == BYTES[:10]
    wire.silent.set()
    with pytest.raises(TimedOut, match="no answer in the time allowed"):
        opened.read(1000, 10)
    wire.silent.clear()
    assert folder.open("W11.vhdx").read(0, 10) == BYTES[:10]
    folder.close()


def test_a_server_that_is_killed_while_reading(tmp_path: Path) -> None:
    server = Samba(tmp_path)
    try:
        fill(server.store)
        folder = share(server)
        opened = folder.open("W11.vhdx")
        assert opened.read(0, 10) == BYTES[:10]
        server.kill()
        with pytest.raises(Unreachable, match="the connection was lost"):
            opened.read(0, len(BYTES))
        with pytest.raises(Unreachable):
            folder.open("W11.vhdx")
        opened.close()
        folder.close()
    finally:
        server.stop()


def test_an_image_is_read_over_the_wire(samba: Samba, samba_store: Path, wire: Wire) -> None:
    """A chain on a share, by the child that has neither the network nor the account."""
    sample.base(samba_store / "G.vhdx", sample.tree(sample.PROGRAMS))
    newer = sample.PROGRAMS | {"Firefox": ("120.0", "Mozilla")}
    more = {r"Program Files\large.bin": b"x" * (6 << 20)}
    sample.child(samba_store / "G.1.avhdx", samba_store / "G.vhdx", sample.tree(newer, more))
    folder = share(samba, port=wire.port)
    result = run("inventory", [Image(folder, "G.1.avhdx")])
    assert {each["name"] for each in result.value["programs"]} == set(newer)
    assert result.value["partial"] is False
    assert 0 < result.bytes_read < 3 << 20
    assert wire.from_server < result.bytes_read * 1.1 + 100_000
    folder.close()


def test_a_share_that_goes_away_is_no_damaged_image(tmp_path: Path) -> None:
    server = Samba(tmp_path)
    try:
        sample.base(server.store / "G.vhdx", sample.tree(sample.PROGRAMS))
        folder = share(server)
        told = []

        def watch(progress) -> None:
            told.append(progress.words)
            server.kill()

        with pytest.raises(Unreachable):
            run("inventory", [Image(folder, "G.vhdx")], on_progress=watch)
        assert told
    finally:
        server.stop()
