"""Faults of the double, each for chosen requests and as often as the test says.

A Fault is armed with KubeDouble.arm(); the first armed one that fits a request has it. `before` is called before the
request takes effect and `after` with the answer that would be sent; each may raise Refusal, return an answer in place
of the usual one, or raise Drop to end the connection without (the rest of) an answer.
"""
import json
import threading

from .refusal import Refusal


class Drop(Exception):
    """The connection ends here; `sent` goes out before."""

    def __init__(self, sent=b""):
        super().__init__("the connection is dropped")
        self.sent = sent


class Fault:
    """verb, resource ("services", "services/status"), name: those that it fits; None: any. `where`: a function of the
    Request that must hold, too. skip: so many that fit are let through first; times: then so many are hit."""

    def __init__(self, verb=None, resource=None, name=None, where=None, skip=0, times=1):
        self.verb, self.resource, self.name, self.where = verb, resource, name, where
        self.skip, self.times, self.hits = skip, times, 0
        self.hit = threading.Event()

    def fits(self, request):
        return all(wanted is None or wanted == is_ for wanted, is_ in (
            (self.verb, request.verb), (self.resource, request.resource), (self.name, request.name))) \
            and (self.where is None or self.where(request))

    def take(self, request):
        """Whether this request is hit. Called under a lock."""
        if self.hits >= self.times or not self.fits(request):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        self.hit.set()
        return True

    def before(self, request):
        return None

    def after(self, request, answer):
        return answer

    def close(self):
        """The double ends: nobody may wait any more."""


class Refuse(Fault):
    """Answers with a Status; nothing takes effect."""

    def __init__(self, code, message="asked for by the test", reason=None, retry_after=None, causes=(), **which):
        super().__init__(**which)
        self.refusal = Refusal(code, message, reason, retry_after, causes)

    def before(self, request):
        raise self.refusal


class CutBefore(Fault):
    """The connection ends before the request has taken effect."""

    def before(self, request):
        raise Drop()


class CutAfter(Fault):
    """The request takes effect, and the connection ends within the answer. portion: of it that is still sent."""

    def __init__(self, portion=0.5, **which):
        super().__init__(**which)
        self.portion = portion

    def after(self, request, answer):
        whole = answer.bytes()
        raise Drop(whole[:int(len(whole) * self.portion)])


class Garbage(Fault):
    """Bytes that are no HTTP, or with a body, HTTP with a body that is no JSON."""

    def __init__(self, sent=b"\x00\xff no HTTP at all\r\n\r\n", body=None, **which):
        super().__init__(**which)
        self.sent, self.body = sent, body

    def before(self, request):
        if self.body is None:
            raise Drop(self.sent)
        raise Drop(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                   % (len(self.body), self.body))


class EmptyList(Fault):
    """A list that says that there is nothing, with a version that is right."""

    def __init__(self, resource, **which):
        super().__init__(verb="list", resource=resource, **which)

    def after(self, request, answer):
        body = json.loads(answer.body)
        body["items"] = []
        for field in ("continue", "remainingItemCount"):
            body["metadata"].pop(field, None)
        return answer.with_body(body)


class Hold(Fault):
    """Stops a request, before it takes effect or after, until release() or drop(). Never released: a hang."""

    def __init__(self, after=False, **which):
        super().__init__(**which)
        self.is_after, self.dropped = after, False
        self.stopped, self.free = threading.Event(), threading.Event()

    def before(self, request):
        if not self.is_after:
            self.stop()

    def after(self, request, answer):
        if self.is_after:
            self.stop()
        return answer

    def stop(self):
        self.stopped.set()
        self.free.wait()
        if self.dropped:
            raise Drop()

    def wait(self, timeout):
        """Whether a request stands there."""
        return self.stopped.wait(timeout)

    def release(self):
        self.free.set()

    def drop(self):
        """A held request never takes effect (or its answer is never sent)."""
        self.dropped = True
        self.free.set()

    close = drop


class WatchError(Fault):
    """HTTP 200 and one ERROR event. Without arguments: the watch has expired."""

    def __init__(self, code=410, message="too old resource version", reason=None, **which):
        super().__init__(verb="watch", **which)
        self.refusal = Refusal(code, message, reason)


class WatchEnd(Fault):
    """The watch ends properly after so many events; 0: at once."""

    def __init__(self, events=0, **which):
        super().__init__(verb="watch", **which)
        self.events = events


class WatchGarbage(Fault):
    """A watch that sends these bytes as its first chunk."""

    def __init__(self, chunk=b'{"type": "ADDED", "object": {"metadata": \xff\xff\n', **which):
        super().__init__(verb="watch", **which)
        self.chunk = chunk
