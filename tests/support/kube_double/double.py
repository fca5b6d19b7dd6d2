"""The double itself: what a test starts, asks, changes and breaks."""
import collections
import contextlib
import copy
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time

from .kinds import KINDS, Request
from .refusal import Refusal, expired
from .server import Answer, Server
from .store import Store

TOKEN = "token-of-the-double"
LOG_MAX = 100_000  # requests that are remembered
FREE = ("/livez", "/readyz", "/healthz", "/version")  # without a token
BACKLOG = 128


def loopback_listener():
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)


class KubeDouble:
    """An API server like that of Kubernetes 1.36, in this process and on a port.

    `with KubeDouble() as double:` serves plain HTTP on a free port of loopback; with a directory it makes a certificate
    there and serves TLS. make_listener: a function that returns a listening socket, for another namespace; it is called
    again by restart(), so it must use one port. Thread-safe.
    """

    def __init__(self, directory=None, make_listener=None, families=("IPv4", "IPv6"), token=TOKEN):
        self.store, self.token = Store(families), token
        self.versions = {"": "v1", "discovery.k8s.io": "v1", "coordination.k8s.io": "v1"}
        self.lock = threading.Lock()
        self.faults, self.watches = [], set()
        self.counts, self.log = collections.Counter(), collections.deque(maxlen=LOG_MAX)
        self.watch_seconds_max, self.bookmark_seconds, self.chunk_bytes = None, 60.0, None
        self.expired_as_status = False  # 410 of a watch as HTTP's status, as old servers say it
        self.directory = directory and pathlib.Path(directory)
        self.tls = self.make_certificate() if directory else None
        self.make_listener, self.server, self.address = make_listener or loopback_listener, None, None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- life -----------------------------------------------------------------------------------
    def start(self):
        if self.address and self.make_listener is loopback_listener:
            listener = socket.create_server(self.address, backlog=BACKLOG)
        else:
            listener = self.make_listener()
        self.address = listener.getsockname()[:2]
        self.server = Server(self, listener, self.tls)

    def stop(self):
        """Ends every connection, and refuses new ones; the objects stay."""
        if self.server is None:
            return
        self.end_watches()
        self.server.close()
        self.server = None

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        with self.lock:
            faults = list(self.faults)
        for fault in faults:
            fault.close()
        self.stop()

    def make_certificate(self):
        certificate, key = self.directory / "double.crt", self.directory / "double.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=kube-double", "-addext",
                        "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address[0]}:{self.address[1]}"

    def write_kubeconfig(self, path, token=None):
        """Names `double` all that it must name. JSON is YAML."""
        cluster = {"server": self.url}
        if self.tls:
            cluster["certificate-authority"] = str(self.directory / "double.crt")
        pathlib.Path(path).write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "double",
            "clusters": [{"name": "double", "cluster": cluster}],
            "users": [{"name": "double", "user": {"token": token or self.token}}],
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": "double"}}]}))
        return path

    # ---- requests, from the server's threads ----------------------------------------------------
    def special(self, method, path, headers):
        """An Answer to what is no object; checks the token. None: go on."""
        if method == "GET" and path in FREE:
            return Answer.of(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}) if path == "/version" \
                else Answer.of(200, "ok", content_type="text/plain; charset=utf-8")
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized")
        group = path.strip("/").removeprefix("apis/")
        if method != "GET" or path.strip("/") != f"apis/{group}" or group not in self.versions:
            return None
        with self.lock:
            self.counts["get", "apis"] += 1
        version = {"groupVersion": f"{group}/{self.versions[group]}", "version": self.versions[group]}
        return Answer.of(200, {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": [version],
                               "preferredVersion": version})

    def begin(self, request):
        """Counts it; the Fault that it is to meet, or None."""
        request.time = time.monotonic()
        with self.lock:
            self.counts[request.verb, request.resource] += 1
            self.log.append(request)
            for fault in self.faults:
                if fault.take(request):
                    return fault
        return None

    def execute(self, request):
        body = getattr(self.store, request.verb)(request)
        return (201 if request.verb == "create" else 200), body

    @contextlib.contextmanager
    def watching(self, watch):
        with self.lock:
            self.watches.add(watch)
        try:
            yield
        finally:
            with self.lock:
                self.watches.discard(watch)

    # ---- faults ---------------------------------------------------------------------------------
    def arm(self, fault):
        """For requests from now on; returns the fault."""
        with self.lock:
            self.faults.append(fault)
        return fault

    def disarm(self, fault):
        fault.close()
        with self.lock:
            self.faults.remove(fault)

    def running_watches(self, resource=None):
        with self.lock:
            return [each for each in self.watches if resource in (None, each.request.kind.plural)]

    def touch_watches(self, resource, **values):
        watches = self.running_watches(resource)
        with self.store.changed:
            for watch in watches:
                for name, value in values.items():
                    setattr(watch, name, value)
            self.store.changed.notify_all()
        return len(watches)

    def end_watches(self, resource=None):
        """Now, and properly, as a server does when their time is over; returns how many."""
        return self.touch_watches(resource, ended=True)

    def expire_watches(self, resource=None):
        """The running ones get an ERROR event, 410 Expired, and end."""
        return self.touch_watches(resource, error=expired())

    def send_bookmarks(self, resource=None):
        return self.touch_watches(resource, bookmark_due=True)

    def drop_connections(self):
        self.server.drop_connections()

    def compact(self):
        """Watches from before now cannot begin any more, lists under way not go on; watches that run go on."""
        self.store.compact()

    # ---- what a test does without HTTP, as a user would -----------------------------------------
    def request(self, verb, resource, namespace="", name="", body=None, subresource=""):
        kind = KINDS[resource]
        return Request(verb, kind, namespace if kind.namespaced else "", name, subresource, {}, body,
                       self.versions[kind.group])

    def create(self, resource, body, namespace="default"):
        return copy.deepcopy(self.store.create(self.request("create", resource, namespace, body=body)))

    def get(self, resource, name, namespace="default"):
        """None: it is not there."""
        try:
            return copy.deepcopy(self.store.get(self.request("get", resource, namespace, name)))
        except Refusal:
            return None

    def list(self, resource, namespace=""):
        return copy.deepcopy(self.store.list(self.request("list", resource, namespace))["items"])

    def patch(self, resource, name, body, namespace="default", subresource=""):
        return copy.deepcopy(self.store.patch(self.request("patch", resource, namespace, name, body, subresource)))

    def delete(self, resource, name, namespace="default"):
        return copy.deepcopy(self.store.delete(self.request("delete", resource, namespace, name)))

    def count(self, verb=None, resource=None):
        """Requests so far over HTTP, of a verb and a resource or of all."""
        with self.lock:
            return sum(number for (each, what), number in self.counts.items()
                       if verb in (None, each) and resource in (None, what))

    def counted(self):
        with self.lock:
            return collections.Counter(self.counts)
