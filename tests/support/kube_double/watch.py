"""One watch: its events as chunks, until its time is over, the test ends it, or the client is gone."""
import json
import select
import time

from .faults import WatchEnd, WatchError, WatchGarbage
from .kinds import is_true
from .refusal import Refusal, invalid

LOOK_INTERVAL = 0.2  # seconds between looks whether the client is still there
SECONDS_MAX = 1800  # without timeoutSeconds; servers take 30 to 60 minutes
INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """send(bytes) sends one chunk. `ended` may be set by another thread, under store.changed."""

    def __init__(self, double, request, connection, send):
        self.double, self.store, self.request = double, double.store, request
        self.connection, self.send = connection, send
        self.ended, self.error, self.bookmark_due = False, None, False
        query = request.query
        self.bookmarks = is_true(query.get("allowWatchBookmarks", ""))
        self.initial = is_true(query.get("sendInitialEvents", ""))
        if "sendInitialEvents" in query and query.get("resourceVersionMatch") != "NotOlderThan":
            raise invalid(request.kind, "", "resourceVersionMatch",
                          "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        version = query.get("resourceVersion", "")
        if not version.isdigit() and version:
            raise Refusal(400, f"Invalid value for resourceVersion: {version!r}")
        self.version = int(version or 0)
        self.expired = self.refusal_of_version()
        seconds = float(query.get("timeoutSeconds") or SECONDS_MAX)
        if double.watch_seconds_max is not None:
            seconds = min(seconds, double.watch_seconds_max)
        self.end = time.monotonic() + seconds
        self.events_left = None
        self.next_bookmark = time.monotonic() + double.bookmark_seconds

    def refusal_of_version(self):
        """410 when the history does not reach back so far, else None. Asked before the answer's head is sent."""
        if not self.version or self.initial:
            return None
        try:
            self.store.check_not_expired(self.version)
        except Refusal as refusal:
            return refusal
        return None

    def run(self, fault):
        if isinstance(fault, WatchGarbage):
            return self.send(fault.chunk)
        if isinstance(fault, WatchError):
            return self.send_event("ERROR", fault.refusal.status())
        if isinstance(fault, WatchEnd):
            self.events_left = fault.events
        try:
            if self.expired:
                raise self.expired
            self.follow()
        except Refusal as refusal:
            self.send_event("ERROR", refusal.status())

    def follow(self):
        if self.initial or not self.version:
            self.send_present()
        while not self.ended and self.events_left != 0:
            with self.store.changed:
                changes = self.store.events_after(self.version, self.request.kind, self.request.namespace)
                if not changes and not self.ended and not self.bookmark_due:
                    self.store.changed.wait(LOOK_INTERVAL)
                    changes = self.store.events_after(self.version, self.request.kind, self.request.namespace)
                current, due = self.store.version, self.bookmark_due
                self.bookmark_due = False
            for change in changes:
                if self.events_left == 0:
                    return
                self.send_event(change.type, change.object)
                self.version = change.version
            self.version = max(self.version, current)
            now = time.monotonic()
            if self.bookmarks and (due or now >= self.next_bookmark):
                self.send_bookmark()
            if self.error is not None:
                raise self.error
            if now >= self.end or self.client_is_gone():
                return

    def send_present(self):
        with self.store.changed:
            objects, self.version = self.store.objects[self.request.kind], self.store.version
            keys = self.store.of_namespace(objects, self.request.namespace)
        for key in keys:
            if self.events_left == 0:
                return
            self.send_event("ADDED", objects[key])
        if self.initial and self.bookmarks and self.events_left != 0:
            self.send_bookmark(INITIAL_END)

    def send_bookmark(self, annotations=None):
        self.next_bookmark = time.monotonic() + self.double.bookmark_seconds
        kind = self.request.kind
        metadata = {"resourceVersion": str(self.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        self.send_event("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version(self.request.version),
                                     "metadata": metadata})

    def send_event(self, type_, object_):
        if self.events_left is not None:
            self.events_left -= 1
        self.send(json.dumps({"type": type_, "object": object_}, separators=(",", ":")).encode() + b"\n")

    def client_is_gone(self):
        # During a watch a client sends nothing; what can be read is its end.
        return bool(select.select([self.connection], [], [], 0)[0])
