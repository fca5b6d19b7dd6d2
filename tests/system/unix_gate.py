"""A gate between the shim and lbd's unix socket: it can stop a request before lbd hears of it, or its answer."""
import contextlib
import re
import socket
import threading

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PIECE = 65536


class Strike:
    """The gate's next request of this method, stopped. after: when lbd has answered it."""

    def __init__(self, method, after):
        self.method, self.is_after = method.encode(), after
        self.stopped, self.ended = threading.Event(), threading.Event()


class UnixGate:
    """Listens at `path` and passes everything on to the socket `upstream`, until close()."""

    def __init__(self, path, upstream):
        self.path, self.upstream = path, str(upstream)
        self.lock, self.strike, self.sockets = threading.Lock(), None, set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, method, after):
        """For the next request of this method; returns the Strike, which ends with end()."""
        with self.lock:
            self.strike = Strike(method, after)
            return self.strike

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        if self.strike:
            self.strike.ended.set()
        with self.lock:
            for each in self.sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.upstream)
            except OSError:
                client.close()
                server.close()
                continue
            with self.lock:
                self.sockets |= {client, server}
            Passage(self, client, server).start()


class Passage:
    """One connection: a thread a direction."""

    def __init__(self, gate, client, server):
        self.gate, self.client, self.server = gate, client, server
        self.awaited = None  # a Strike that waits for the answer

    def start(self):
        for work in (self.pass_requests, self.pass_answers):
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def guarded(self, work):
        with contextlib.suppress(OSError):
            work()
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self.gate.lock:
            self.gate.sockets -= {self.client, self.server}

    def pass_requests(self):
        waiting = b""
        while True:
            request, waiting = self.next_request(waiting)
            if request is None:
                return
            strike = self.taken(request)
            if strike and strike.is_after:
                self.awaited = strike
            elif strike:
                return self.stop(strike)
            self.server.sendall(request)

    def next_request(self, waiting):
        while True:
            end = waiting.find(b"\r\n\r\n")
            if end >= 0:
                length = LENGTH.search(waiting[:end + 2])
                whole = end + 4 + (int(length[1]) if length else 0)
                if len(waiting) >= whole:
                    return waiting[:whole], waiting[whole:]
            piece = self.client.recv(PIECE)
            if not piece:
                return None, b""
            waiting += piece

    def taken(self, request):
        with self.gate.lock:
            strike = self.gate.strike
            if strike is None or not request.startswith(strike.method + b" "):
                return None
            self.gate.strike = None
            return strike

    def pass_answers(self):
        while True:
            piece = self.server.recv(PIECE)
            if not piece:
                return
            if self.awaited:
                return self.stop(self.awaited)
            self.client.sendall(piece)

    @staticmethod
    def stop(strike):
        """The connection ends with it: whoever asked never hears an answer."""
        strike.stopped.set()
        strike.ended.wait()
