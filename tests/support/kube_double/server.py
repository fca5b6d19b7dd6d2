"""HTTP/1.1 of the double: a thread a connection, chunked watches, and connections that break where a fault says so."""
import collections
import contextlib
import http.server
import json
import select
import socket
import threading

from .faults import Drop, Hold, WatchEnd, WatchError, WatchGarbage
from .kinds import VERBS, parse_request
from .refusal import Refusal
from .watch import Watch

BODY_BYTES_MAX = 3 << 20  # what a real one takes in a request
CODES = http.server.BaseHTTPRequestHandler.responses
HANDSHAKE_SECONDS = 10
IN_STREAM = (WatchError, WatchEnd, WatchGarbage)


class Answer(collections.namedtuple("Answer", "code body headers")):
    """body: bytes."""

    @staticmethod
    def of(code, object_, headers=None, content_type="application/json"):
        body = object_.encode() if isinstance(object_, str) else json.dumps(object_, separators=(",", ":")).encode()
        return Answer(code, body, {"Content-Type": content_type, **(headers or {})})

    def with_body(self, object_):
        return Answer.of(self.code, object_, self.headers)

    def bytes(self):
        lines = [f"HTTP/1.1 {self.code} {CODES.get(self.code, ('Unknown',))[0]}"]
        headers = {**self.headers, "Content-Length": len(self.body), "Audit-Id": "double", "Cache-Control": "no-cache"}
        lines += [f"{key}: {value}" for key, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Connection(http.server.BaseHTTPRequestHandler):
    """One connection, all its requests; the double is in the server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def double(self):
        return self.server.double

    def setup(self):
        if self.server.tls is not None:
            self.request.settimeout(HANDSHAKE_SECONDS)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.server.replace(self.request)
            self.request.settimeout(None)
        super().setup()

    def handle(self):
        with contextlib.suppress(OSError, ValueError):  # ValueError: a file that another thread has closed
            super().handle()

    def log_message(self, *_):
        pass

    def serve(self):
        request = None
        try:
            length = int(self.headers.get("Content-Length") or 0)
            if length > BODY_BYTES_MAX:
                raise Refusal(413, "limit is 3145728", "RequestEntityTooLarge")
            text = self.rfile.read(length)
            answer = self.double.special(self.command, self.path.partition("?")[0], self.headers)
            if answer is None:
                request = parse_request(self.command, self.path, self.double.versions)
                request.body = self.read_body(text)
                answer = self.perform(request)
            if answer is not None:
                self.wfile.write(answer.bytes())
        except Refusal as refusal:
            if request is not None:
                request.status = refusal.code
            self.wfile.write(Answer.of(refusal.code, refusal.status(), refusal.headers()).bytes())
        except Drop as drop:
            self.close_connection = True
            if drop.sent:
                self.wfile.write(drop.sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = serve

    def read_body(self, text):
        wanted = {"POST": "application/json", "PUT": "application/json", "PATCH": "application/merge-patch+json"}
        if self.command in wanted:
            sent = self.headers.get_content_type()
            if sent != wanted[self.command]:
                raise Refusal(415, f"the body of the request was in an unknown format: {sent}")
        accepted = self.headers.get("Accept", "*/*")
        if not any(each in accepted for each in ("application/json", "*/*", "application/*")):
            raise Refusal(406, "only application/json is served")
        if not text or self.command not in VERBS:
            return None
        try:
            return json.loads(text)
        except ValueError as why:
            raise Refusal(400, f"the body is no JSON: {why}") from None

    def perform(self, request):
        """The Answer; None when it was sent already. Faults take their turn here."""
        fault = self.double.begin(request)
        if fault is not None:
            instead = fault.before(request)
            if instead is not None:
                return instead
        if request.verb == "watch":
            return self.serve_watch(request, fault)
        code, body = self.double.execute(request)
        request.status = code
        answer = Answer.of(code, body)
        return answer if fault is None else fault.after(request, answer)

    def serve_watch(self, request, fault):
        watch = Watch(self.double, request, self.connection, self.send_chunk)
        if watch.expired and self.double.expired_as_status:
            raise watch.expired
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                         b"Cache-Control: no-cache\r\n\r\n")
        request.status = 200
        if isinstance(fault, Hold):
            fault.after(request, None)
        with self.double.watching(watch):
            watch.run(fault if isinstance(fault, IN_STREAM) else None)
        self.wfile.write(b"0\r\n\r\n")
        return None

    def send_chunk(self, data):
        """In pieces when the test wants it: an event may begin and end anywhere within chunks."""
        size = self.double.chunk_bytes or len(data)
        for piece in (data[first:first + size] for first in range(0, len(data), size)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


class Server:
    """A listening socket and its connections; close() ends all of them."""

    def __init__(self, double, listener, tls=None):
        self.double, self.tls, self.listener = double, tls, listener
        self.lock, self.closing = threading.Lock(), False
        self.connections, self.threads = {}, {}  # by thread
        self.awake, self.waker = socket.socketpair()
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            readable = select.select([self.listener, self.awake], [], [])[0]
            if self.awake in readable:
                return
            try:
                client, address = self.listener.accept()
            except OSError:  # gone before it was taken
                continue
            thread = threading.Thread(target=self.handle, args=(client, address), daemon=True)
            thread.start()

    def handle(self, client, address):
        me = threading.current_thread()
        with self.lock:
            if self.closing:
                client.close()
                return
            self.connections[me] = client
        try:
            Connection(client, address, self)
        except OSError:  # a handshake that failed: a client that does not trust this certificate
            pass
        finally:
            with self.lock:
                last = self.connections.pop(me)
            with contextlib.suppress(OSError):
                last.shutdown(socket.SHUT_RDWR)
            last.close()

    def replace(self, connection):
        """TLS: the socket of this thread is another one from now on."""
        with self.lock:
            self.connections[threading.current_thread()] = connection
            if self.closing:
                raise OSError("closing")

    def drop_connections(self):
        with self.lock:
            for each in self.connections.values():
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)  # not TLS's own, which would wait

    def close(self):
        with self.lock:
            self.closing = True
            threads = list(self.connections)
        self.waker.send(b"x")
        self.acceptor.join()
        self.listener.close()
        self.drop_connections()
        for thread in threads:
            thread.join(timeout=10)
        self.awake.close()
        self.waker.close()
