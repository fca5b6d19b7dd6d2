"""A gate between the shim and a server: passes everything on, counts what writes, and strikes at a given write.

It ends TLS with a certificate of the test's own authority. A strike comes before a write is passed on, or after it took
effect and before its answer is: the two moments in which a crash leaves something half done.
"""
import http.client
import http.server
import json
import socket
import socketserver
import ssl
import threading

from kube_api import TIMEOUT
from packets import socket_in

WRITES = ("POST", "PUT", "PATCH", "DELETE")
BEFORE, AFTER = "before", "after"
NOT_PASSED_ON = ("connection", "host", "transfer-encoding", "content-length", "keep-alive")
READ_BYTES = 65536


class Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The server of http.server, on a socket of a namespace."""

    daemon_threads = True
    block_on_close = False  # watches end with their peers

    def __init__(self, netns, port, handler):
        super().__init__(("127.0.0.1", port), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket_in(netns, socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server_bind()
        self.server_activate()

    def handle_error(self, *_):
        """Broken connections are what this is for."""


class Gate:
    """A context manager. upstream(): a new http.client connection to the server behind it, for each request."""

    def __init__(self, netns, port, certificate, upstream):
        self.port, self.upstream = port, upstream
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*map(str, certificate))
        self.lock = threading.Lock()
        self.seen = []  # "POST /path" of each write, in order
        self.armed = None  # (function of a write, BEFORE or AFTER, what to do)
        self.change_list = None  # a function of (path, parsed body) that returns another body, or None
        gate = self

        class Handler(Passing):
            def setup(self):
                self.request.settimeout(TIMEOUT)
                self.request = gate.tls.wrap_socket(self.request, server_side=True)
                self.request.settimeout(None)
                self.gate = gate
                super().setup()

        self.server = Threads(netns, port, Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def arm(self, matches, moment, strike):
        """At the next write for which matches("METHOD /path", its number since arm()) holds: strike(), once."""
        with self.lock:
            self.seen.clear()
            self.armed = (matches, moment, strike)

    def disarm(self):
        """True when it had not struck."""
        with self.lock:
            waiting, self.armed = self.armed is not None, None
            return waiting

    def note(self, write):
        """Its number."""
        with self.lock:
            self.seen.append(write)
            return len(self.seen) - 1

    def strikes(self, write, number, moment):
        with self.lock:
            if self.armed is None or self.armed[1] != moment or not self.armed[0](write, number):
                return False
            strike, self.armed = self.armed[2], None
        strike()
        return True


class Passing(http.server.BaseHTTPRequestHandler):
    """One connection of the shim's; a request of it is one of the upstream's."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pass_on(self):
        self.close_connection = False
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        counted = self.command in WRITES and "/leases" not in self.path
        write = f"{self.command} {self.path}"
        number = self.gate.note(write) if counted else None
        if counted and self.gate.strikes(write, number, BEFORE):
            self.close_connection = True
            return
        upstream = self.gate.upstream()
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_PASSED_ON}
            upstream.request(self.command, self.path, body or None, headers)
            response = upstream.getresponse()
            if counted:
                text = response.read()
                if self.gate.strikes(write, number, AFTER):
                    self.close_connection = True
                    return
                self.answer(response, text)
            elif response.chunked:
                self.stream(response)
            else:
                self.answer(response, self.changed(response.read()))
        except (OSError, http.client.HTTPException):  # of either side; the other one learns by the end of its own
            self.close_connection = True
        finally:
            upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def changed(self, text):
        if self.gate.change_list is None or self.command != "GET":
            return text
        try:
            other = self.gate.change_list(self.path, json.loads(text))
        except ValueError:
            return text
        return text if other is None else json.dumps(other).encode()

    def head(self, response):
        self.send_response(response.status)
        for key, value in response.getheaders():
            if key.lower() not in NOT_PASSED_ON:
                self.send_header(key, value)

    def answer(self, response, text):
        self.head(response)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self, response):
        """A list of the API server may be chunked, too: it is changed once it is whole, unless it is a watch."""
        if "watch=" not in self.path and "/watch" not in self.path:
            return self.answer(response, self.changed(response.read()))
        self.head(response)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := response.read1(READ_BYTES):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
