"""The HTTPS listener of one host. Down means: nobody listens, connections are cut and shells are killed."""

import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree.ElementTree import ParseError

from spnego.exceptions import SpnegoError

from lab.wsman import envelope, sealing
from lab.wsman.actions import Actions
from lab.wsman.authentication import Account, Authentication, Unauthorized
from lab.wsman.faults import ConnectionLost, Fault
from lab.wsman.shells import Program, Quotas, Shells
from lab.wsman.trouble import Line, LineFault

logger = logging.getLogger(__name__)

SOAP = "application/soap+xml;charset=UTF-8"
LOOPBACK = "127.0.0.1"
HANDSHAKE_SECONDS = 10


class Listener:
    """A host's WS-Management service on a port of the loopback interface that it keeps while it is down."""

    def __init__(self, *, port: int, tls: ssl.SSLContext, account: Account, program: Program, quotas: Quotas) -> None:
        self.shells = Shells(quotas, program)
        self.actions = Actions(self.shells)
        self.line = Line()
        self.account = account
        self.quotas = quotas
        self._tls = tls
        self._server: _Server | None = None
        self._reserved: socket.socket | None = _bound(port)
        self.port: int = self._reserved.getsockname()[1]

    def up(self) -> None:
        if self._server is not None:
            return
        reserved, self._reserved = self._reserved, None
        self._server = _Server(self, reserved or _bound(self.port), self._tls)
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True, name=f"wsman-{self.port}").start()

    def down(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        server.server_close()
        server.cut_connections()
        self.shells.close_all()
        self._reserved = _bound(self.port)  # bound and not listening: connections are refused, the port stays ours

    @property
    def connections(self) -> int:
        return self._server.open_connections if self._server else 0

    def cut(self) -> int:
        """Cut every open connection; how many. The listener and its shells live on."""
        return self._server.cut_connections() if self._server else 0

    def close(self) -> None:
        self.down()
        if self._reserved:
            self._reserved.close()


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        raise
    return sock


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listener: Listener, sock: socket.socket, tls: ssl.SSLContext) -> None:
        super().__init__((LOOPBACK, listener.port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.listener = listener
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.server_activate()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: a client that is slow with its handshake holds up nobody else."""
        request.settimeout(HANDSHAKE_SECONDS)
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except OSError as error:
            logger.info("a TLS handshake failed: %s", error)
            return
        with self._lock:
            self._open.add(secured)
        try:
            super().finish_request(secured, client_address)
        finally:
            with self._lock:
                self._open.discard(secured)
            with suppress(OSError):
                secured.close()

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def cut_connections(self) -> int:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            cut(connection)
        return len(connections)

    def service_actions(self) -> None:
        self.listener.shells.close_idle()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the base class gives them
        logger.debug("a connection broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    wbufsize = -1  # one write an answer; in two, Nagle's algorithm and delayed acknowledgements cost 40 ms
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.settimeout(self.server.listener.quotas.connection_idle_seconds)
        super().setup()
        self._authentication = Authentication(self.server.listener.account)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        logger.debug(format, *args)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0] != "/wsman":
            self._reply(HTTPStatus.NOT_FOUND)
            return
        try:
            user = self._authentication.user_of(self.headers.get("Authorization", ""))
        except Unauthorized as refusal:
            self._reply(HTTPStatus.UNAUTHORIZED, challenges=refusal.challenges)
            return
        if not content:  # only to build the security context
            self._reply(HTTPStatus.OK)
            return
        self._answer(content, user)

    def _answer(self, content: bytes, user: str) -> None:
        sealed = sealing.is_sealed(self.headers.get("Content-Type", ""))
        try:
            plain = self._unsealed(content) if sealed else content
            if len(plain) > self.server.listener.quotas.envelope_bytes:
                self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return
            request = envelope.parse(plain)
        except (ValueError, ParseError, SpnegoError):
            self._reply(HTTPStatus.BAD_REQUEST)
            return
        trouble = self.server.listener.line.take(request.operation)
        try:
            self._suffer(trouble, "request")
            body = envelope.answer(request, self.server.listener.actions.perform(request, user))
            status = HTTPStatus.OK
        except Fault as fault:
            body, status = envelope.fault_answer(request.message_id, fault), HTTPStatus.INTERNAL_SERVER_ERROR
        except ConnectionLost:
            self._cut()
            return
        self._reply(status, self._sealed(body) if sealed else body, sealing.CONTENT_TYPE if sealed else SOAP, trouble)

    def _suffer(self, trouble: LineFault | None, moment: str) -> None:
        """Raises ConnectionLost for a cut."""
        if trouble is None or trouble.moment != moment:
            return
        time.sleep(trouble.seconds)
        if trouble.action == "cut":
            raise ConnectionLost

    def _cut(self) -> None:
        self.close_connection = True
        cut(self.connection)

    def _unsealed(self, content: bytes) -> bytes:
        if self._authentication.context is None:
            raise ValueError("a sealed message needs a security context")
        return sealing.unseal(self._authentication.context, content)

    def _sealed(self, body: bytes) -> bytes:
        if self._authentication.context is None:
            raise ValueError("the security context is gone")
        return sealing.seal(self._authentication.context, body)

    def _reply(
        self,
        status: HTTPStatus,
        body: bytes = b"",
        content_type: str = SOAP,
        trouble: LineFault | None = None,
        challenges: list[str] | None = None,
    ) -> None:
        try:
            self._suffer(trouble, "answer")
        except ConnectionLost:
            self._cut()
            return
        self.send_response(status)
        for challenge in challenges or []:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        is_half = trouble is not None and trouble.moment == "half"
        self.wfile.write(body[: len(body) // 2] if is_half else body)
        self.wfile.flush()
        if is_half:
            self._cut()


def cut(connection: socket.socket) -> None:
    """Both directions, at once: whoever reads or writes on it is told."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
