"""The router of bgp-announce: a BIRD whose count of routes is watched, and a counter of the UPDATEs that reach it."""
import re
import time

import common
from bgp_bird import Bird
from bgp_messages import Capture
from bgp_peer import Settings
from bird_control import Control

LOOK_INTERVAL_S = 0.004
ROUTES = re.compile(r"\s+Routes:\s+(\d+) imported")
COUNT = re.compile(r"(\d+) of \d+ routes ")


class Receiver:
    """Takes what one announcer sends. `end`: bgp_peer.Neighbour, the session as the router is told of it."""

    def __init__(self, host, end):
        self.host, self.end, self.bird = host, end, Bird(host)

    def start(self):
        self.bird.start(Settings(asn=self.end.local_asn, router_id=self.end.local_address, neighbours=(self.end,)))
        self.control = Control(self.bird.control, timeout=60)
        self.host.lab.sockets.append(self.control)
        return self

    def wait_established(self, timeout):
        self.bird.wait_established(self.end.address, timeout)

    def cpu_seconds(self):
        return common.process_cpu_seconds(self.bird.processes[0].pid)

    def capture(self):
        return Capture(self.host)

    def count(self):
        """Routes in its table that the announcer sent. A counter of BIRD's: asking costs the same for any number."""
        lines = self.control.ask(f"show protocols all {self.bird.session_name(self.end.address)}")
        return next(int(found[1]) for line in lines if (found := ROUTES.match(line)))

    def counted_in_table(self):
        """The same, counted route by route."""
        lines = self.control.ask(f"show route protocol {self.bird.session_name(self.end.address)} count")
        return next(int(found[1]) for line in lines if (found := COUNT.match(line)))

    def watch(self, wanted, timeout):
        """Until its table has so many: (when it was seen to have them, when it was last seen without), monotonic."""
        end = time.monotonic() + timeout
        before = time.monotonic()
        while True:
            asked = time.monotonic()
            found = self.count()
            if found == wanted:
                return time.monotonic(), before
            if asked > end:
                raise AssertionError(f"waited {timeout} s in vain for {wanted} routes; the router has {found}")
            before = asked
            time.sleep(LOOK_INTERVAL_S)
