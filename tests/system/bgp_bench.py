"""One router and whoever announces to it, for the cases of the interoperability matrix, and how cases are run."""
import contextlib
import dataclasses
import time
import traceback

from bgp_network import FAR, ROUTER, Network, ends, prefixes, tcp_counter
from bgp_peer import FAMILIES, PATIENCE, Attributes, Settings
from harness import Skip, wait_for

BASE = (1, 2, 3)  # announced in all cases
WAKE_INTERVAL = 8.0  # seconds; OpenBGPD takes five to obey


class Bench:
    """A node that announces and a router, for one case after the other."""

    def __init__(self, lab, speaker_class, peer_class):
        self.network = Network(lab)
        self.peer_class, self.peer = peer_class, peer_class(self.network.router)
        self.near, self.far = self.peer, None
        self.speaker = speaker_class(self.network)
        self.speaker.start()
        self.speaker.announce(BASE)
        self.many = range(1000, 1250)

    # ---- sessions -------------------------------------------------------------------------------
    def meet(self, speaker=None, peer=None, is_far=False, routes=(), **both):
        """Starts the router, connects the announcer; returns how the router names the announcer.

        speaker, peer: what only this end is told; routes: of the router; both: see bgp_network.ends.
        """
        ours, theirs = ends(**{**({"router": FAR} if is_far else {}), **both})
        ours, theirs = dataclasses.replace(ours, **speaker or {}), dataclasses.replace(theirs, **peer or {})
        if is_far and self.far is None:
            self.far = self.peer_class(self.network.far())
        self.peer = self.far if is_far else self.near
        self.speaker.connect(ours)
        self.peer.start(Settings(asn=theirs.local_asn, router_id=(FAR if is_far else ROUTER)["ipv4"],
                                 neighbours=(theirs,), routes=routes))
        return theirs.address

    def part(self):
        """Back to a network without a session, whatever state a case has left."""
        self.speaker.disconnect()
        self.peer.resume()
        if self.peer.processes:
            self.peer.stop()

    def settle(self, neighbour, numbers=BASE):
        """Until the session is up and the router has exactly these routes."""
        self.peer.wait_established(neighbour)
        self.peer.wait_routes(prefixes(numbers))

    def settle_again(self, neighbour, numbers=BASE):
        """As settle(), after a failure: a router that pauses for minutes then is woken."""
        woken = 0.0

        def is_up():
            nonlocal woken
            if self.peer.is_established(neighbour):
                return True
            if time.monotonic() > woken + WAKE_INTERVAL:
                self.peer.retry(neighbour)
                woken = time.monotonic()
            return False

        wait_for("the session to be back", is_up, timeout=2 * PATIENCE, interval=0.05)
        self.settle(neighbour, numbers)

    # ---- what is looked at ----------------------------------------------------------------------
    def attributes(self, number=BASE[0]):
        """(IPv4 route's, IPv6 route's) attributes in the router's table."""
        wanted = prefixes([number])
        return tuple(self.peer.routes(family).get(next(iter(wanted[family])), Attributes()) for family in FAMILIES)

    def same_session(self, neighbour, work):
        """Runs work() and makes sure that the session lived through it; returns the UPDATEs that it took."""
        mark, updates = self.peer.session_mark(neighbour), self.peer.updates_received(neighbour)
        assert mark is not None
        work()
        assert self.peer.session_mark(neighbour) == mark, "the session was reset"
        return self.peer.updates_received(neighbour) - updates

    def stays_down(self, *counters, seconds=2.0):
        """No route comes through while the kernel refuses packets: one of the (host, counter) has grown.

        Routes tell, not the router's own state: where the announcer refuses, the router may think for a moment that the
        session is up, because its first message came before the announcer had told the kernel what to refuse.
        """
        before = [tcp_counter(host, name) for host, name in counters]

        def silent():
            return not any(self.peer.routes(family) for family in FAMILIES)

        def refused():
            assert silent(), "routes came through"
            return any(tcp_counter(*each) > count for each, count in zip(counters, before))

        wait_for("a packet to be refused", refused, timeout=PATIENCE)
        always(seconds, silent, "the session to stay down")


def always(seconds, condition, what):
    """Looks again and again for so long: that something does not happen can be seen no other way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"expected {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def told(label, software, name):
    """Writes the line of the matrix."""
    try:
        yield
    except Skip as reason:
        print(f"{label}: {software} {name} skipped ({reason})", flush=True)
        raise
    except Exception:
        print(f"{label}: {software} {name} failed", flush=True)
        raise
    print(f"{label}: {software} {name} passed", flush=True)


def run_cases(lab, speaker_class, peer_class, cases, many=None):
    """One case after the other, a line of the matrix for each. Raises when any failed."""
    label, software, failed = speaker_class.label, peer_class.software, []
    try:
        bench = Bench(lab, speaker_class, peer_class)
    except Skip as reason:
        for name in cases:
            print(f"{label}: {software} {name} skipped ({reason})")
        raise
    bench.many = many or bench.many
    for name, function in cases.items():
        lacking = [bench.speaker.lacks.get(need) or bench.peer.lacks.get(need) for need in function.needs]
        if reason := next(filter(None, lacking), None):
            print(f"{label}: {software} {name} n/a ({reason})")
            continue
        started = time.monotonic()
        try:
            with told(label, software, name):
                function(bench)
        except Exception:
            traceback.print_exc()
            print(bench.peer.said())
            failed.append(name)
        finally:
            bench.part()
        print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)
    assert not failed, f"{software}: {', '.join(failed)}"
