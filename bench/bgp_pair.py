"""Who announces, a router beside it and one session between them, as ./dev bench bgp-detection has several of.

Trivet announces, or BIRD in its place; the router is BIRD, which puts the routes into its kernel, or another Trivet,
which takes no routes but watches the session by the same BFD.
"""
import argparse
import dataclasses
import os
import random
import re
import signal
import subprocess

import common
from common import harness

os.environ.setdefault("TRIVET_PEERS", str(common.ROOT / "build/peers"))  # before those that look there
from bgp_bird import Bird  # noqa: E402
from bgp_network import ROUTER, Network, ends, prefixes  # noqa: E402
from bgp_peer import Bfd, Settings, kernel_routes  # noqa: E402
from bgp_speaker import Lbd, Stand  # noqa: E402
from bgp_watch import Watch  # noqa: E402

NUMBERS = (1, 2, 3)  # announced, of each family
SETTLE_S = 60
WITH_BFD_HOLD_S = 90  # so long that BFD alone is measured
PAUSE_S = 0.2  # after a fault elsewhere: the two ends of it meet again
TRIES = 20  # to find a session that does not fail by itself
SLACK_S = 10  # beyond the detection time: then something else is wrong
SYSTEMS = {"trivet": Lbd, "bird": Stand}


@dataclasses.dataclass(frozen=True)
class Profile:
    """How a session is watched."""
    name: str
    hold_time: int
    bfd: Bfd | None = None

    @classmethod
    def named(cls, name):
        """10x3: BFD every 10 ms with a multiplier of 3; hold3: no BFD, a hold time of 3 s."""
        if match := re.fullmatch(r"(\d+)x(\d+)", name):
            interval, multiplier = map(int, match.groups())
            return cls(name, WITH_BFD_HOLD_S, Bfd(interval, interval, multiplier))
        if match := re.fullmatch(r"hold(\d+)", name):
            return cls(name, int(match.group(1)))
        raise argparse.ArgumentTypeError(f"no profile '{name}': 10x3 or hold3, with other numbers")

    @property
    def interval_s(self):
        """Between two signs of life, at most."""
        return self.bfd.transmit_ms / 1000 if self.bfd else max(1, self.hold_time // 3)

    @property
    def detection_s(self):
        """After the last of them."""
        return self.bfd.receive_ms * self.bfd.multiplier / 1000 if self.bfd else self.hold_time


class PatchedNetwork(Network):
    """One whose cable is cut and mended within a tenth of a millisecond: the program that does it runs already."""

    def __init__(self, lab):
        super().__init__(lab)
        self.patcher = self.switch.start("ip", "-batch", "-", stdin=subprocess.PIPE, text=True)

    def patch(self, *words):
        self.patcher.stdin.write(f"link set {self.node_port} {' '.join(words)}\n")
        self.patcher.stdin.flush()

    def cut(self):
        self.patch("nomaster")

    def mend(self):
        self.patch("master", self.switch.bridge_name)


class Pair:
    def __init__(self, lab, system, profile, router="bird"):
        self.system, self.router_system, self.profile = system, router, profile
        self.network = PatchedNetwork(lab)
        ours, theirs = ends(bfd=profile.bfd, hold_time=profile.hold_time)
        self.node_address = theirs.address
        self.speaker = SYSTEMS[system](self.network)
        self.speaker.start()
        self.speaker.announce(NUMBERS)
        self.speaker.connect(ours)
        if router == "bird":
            self.router = Bird(self.network.router)
            self.router.start(Settings(asn=theirs.local_asn, router_id=ROUTER["ipv4"], neighbours=(theirs,),
                                       kernel=True))
        else:
            self.router = Lbd(self.network, self.network.router, ROUTER["ipv4"])
            self.router.start()
            self.router.connect(dataclasses.replace(theirs, passive=True))

    @property
    def name(self):
        return f"{self.system} to {self.router_system}, {self.profile.name}"

    @property
    def router_process(self):
        return self.router.processes[0] if self.router_system == "bird" else self.router.process

    def both(self):
        """{end: (software, its process, the file of its log)}."""
        announcer = self.speaker.node.log if self.system == "trivet" else self.speaker.bird.dir / "bird.log"
        router = self.router.node.log if self.router_system == "trivet" else self.router.dir / "bird.log"
        return {"announcer": (self.system, self.speaker.process, announcer),
                "router": (self.router_system, self.router_process, router)}

    # ---- rest -----------------------------------------------------------------------------------
    def settle(self):
        """Until the session is up, the routes are there, and both ends watch each other as the profile says."""
        try:
            harness.wait_for(f"{self.name} to be settled", self.settled, timeout=SETTLE_S, interval=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; the router says {self.told_by_router()}") from None

    def settled(self):
        if self.router_system == "trivet":
            return self.is_up(self.speaker) and self.is_up(self.router)
        wanted = prefixes(NUMBERS)
        return (self.router.is_established(self.node_address)
                and (self.profile.bfd is None or self.timers_agreed())
                and all(wanted[family] <= set(kernel_routes(self.network.router, family)) for family in wanted))

    def timers_agreed(self):
        """As BIRD tells of both: it sends by its interval, and its detection time follows from what the other sends."""
        agreed = (self.profile.interval_s, self.profile.detection_s)
        told = [self.router.bfd_timers(self.node_address)]
        if self.system == "bird":
            told.append(self.speaker.bird.bfd_timers(ROUTER["ipv4"]))
        return all(timers == agreed for timers in told)

    @staticmethod
    def is_up(lbd):
        status = lbd.node.call("GET", "/v1/bgp-peers/tor1").body["status"]
        return status["state"] == "established" and status.get("bfd") == "up"

    def told_by_router(self):
        if self.router_system == "trivet":
            return self.router.node.call("GET", "/v1/bgp-peers/tor1").body["status"]
        return self.router.details(self.node_address) + self.router.ask("show bfd sessions")

    # ---- faults ---------------------------------------------------------------------------------
    def measure(self, fault):
        """One fault: ({event: milliseconds}, how often the session had failed by itself before). It is healed at once;
        what follows takes its time, see settle()."""
        wanted = set().union(*prefixes(NUMBERS).values())
        listed = None if self.profile.bfd else self.speaker.process
        for failed_before in range(TRIES):
            self.settle()
            pause = PAUSE_S + random.uniform(0, self.profile.interval_s)  # to anywhere between two signs of life
            with Watch(self.network, wanted, listed) as watch:
                if not self.settled() or watch.is_disturbed(pause):
                    self.speaker.reset()
                    continue
                try:
                    events = watch.after(lambda: fault.inject(self), fault.awaited,
                                         self.profile.detection_s + SLACK_S)
                finally:
                    fault.heal(self)
                return events, failed_before
        raise AssertionError(f"{self.name}: the session fails by itself all the time")


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens, and what must follow: events of bgp_watch.py."""
    inject: object  # called with the pair, returns at once
    heal: object
    awaited: frozenset


def start_again(pair):
    pair.speaker.kill()
    pair.speaker.recover()


def resume_announcer(pair):
    pair.speaker.process.send_signal(signal.SIGCONT)
    pair.speaker.reset()


def resume_router(pair):
    pair.router_process.send_signal(signal.SIGCONT)
    pair.speaker.reset()


def mend(pair):
    pair.network.mend()
    pair.speaker.reset()


FAULTS = {
    "kill": Fault(lambda pair: pair.speaker.process.kill(), start_again, frozenset({"routes_gone"})),
    "stop": Fault(lambda pair: pair.speaker.process.send_signal(signal.SIGSTOP), resume_announcer,
                  frozenset({"routes_gone"})),
    "cut": Fault(lambda pair: pair.network.cut(), mend, frozenset({"routes_gone", "node_bgp"})),
    "router-stop": Fault(lambda pair: pair.router_process.send_signal(signal.SIGSTOP), resume_router,
                         frozenset({"node_bgp"})),
}
