"""The control's HTTP server, on the loopback interface.

A browser on this machine could be led by any web page to post here, so a request must name this server as its host (no
name that somebody bound to 127.0.0.1) and a post must not come from another origin.
"""

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from lab.control import orders, page, view
from lab.control.network import Network
from lab.pvs.operations import Operations
from lab.pvs.rejected import Rejected

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
LARGEST_BODY_BYTES = 64 * 1024
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class ControlServer:
    """Serves on `port`; if that is taken and it `may_move`, on a free one."""

    def __init__(self, port: int, operations: Operations, network: Network, *, may_move: bool) -> None:
        try:
            self._server = _Server((LOOPBACK, port), operations, network)
        except OSError:
            if not may_move:
                raise
            self._server = _Server((LOOPBACK, 0), operations, network)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True, name="lab-control").start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], operations: Operations, network: Network) -> None:
        super().__init__(address, _Handler)
        self.operations = operations
        self.network = network

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the base class gives them
        logger.debug("a connection to the control broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        logger.debug(format, *args)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if not self._host_is_ours():
            self._json(HTTPStatus.MISDIRECTED_REQUEST, {"error": "This server is 127.0.0.1."})
        elif url.path == "/state":
            self._json(HTTPStatus.OK, view.state(self.server.operations.datacentre))
        elif url.path == "/journal":
            self._ask(orders.journal, dict(parse_qsl(url.query)))
        elif url.path == "/contents":
            self._ask(orders.contents, dict(parse_qsl(url.query)))
        elif url.path == "/line":
            self._json(HTTPStatus.OK, self.server.network.view())
        elif url.path == "/":
            notice = dict(parse_qsl(url.query)).get("notice", "")
            self._html(page.render(view.state(self.server.operations.datacentre), notice))
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "There is nothing here."})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY_BYTES:
            self.close_connection = True
            self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "The body is too large."})
            return
        content = self.rfile.read(length)
        if not self._host_is_ours() or not self._origin_is_ours():
            self._json(HTTPStatus.FORBIDDEN, {"error": "A post must come from the lab's own page."})
            return
        is_form = self.headers.get_content_type() == "application/x-www-form-urlencoded"
        status, result = self._perform(content, is_form=is_form)
        if is_form:
            self._back_to_page(_words(result))
        else:
            self._json(status, result)

    def _ask(self, question: orders.Order, query: dict[str, str]) -> None:
        try:
            self._json(HTTPStatus.OK, question(self.server.operations, query))
        except Rejected as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _perform(self, content: bytes, *, is_form: bool) -> tuple[HTTPStatus, dict[str, Any]]:
        try:
            body = dict(parse_qsl(content.decode())) if is_form else json.loads(content or b"{}")
            if not isinstance(body, dict):
                raise Rejected("The body is a JSON object.")
            path = urlsplit(self.path).path
            return HTTPStatus.OK, orders.perform(self.server.operations, self.server.network, path, body)
        except KeyError:
            return HTTPStatus.NOT_FOUND, {"error": "There is no such order."}
        except (Rejected, ValueError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}

    def _host_is_ours(self) -> bool:
        port = self.server.server_address[1]
        return self.headers.get("Host", "") in {f"{LOOPBACK}:{port}", f"localhost:{port}"}

    def _origin_is_ours(self) -> bool:
        """Programs send neither header; a browser sends at least one of them with a post."""
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        is_same = origin is None or origin == f"http://{self.headers.get('Host')}"
        return is_same and site in {"same-origin", "none"}

    def _back_to_page(self, notice: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/?notice={quote(notice)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _html(self, text: str) -> None:
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", text.encode())

    def _json(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _words(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"Not done: {result['error']}"
    texts = [f"{name}: {', '.join(value) if isinstance(value, list) else value}" for name, value in result.items()]
    return f"Done. {'; '.join(texts)}"
