"""Who announces beside lbd in bgp-announce: BIRD, FRR and GoBGP, started as the interoperability tests start them.

BIRD and GoBGP have their routes from a feeder: to read 100,000 of them out of a file again would be a good part of what
BIRD's "configure" takes, and GoBGP has no other way to take many at once that loses none. FRR has "network" lines.
"""
import dataclasses
import re

import common
from bgp_bird import Bird
from bgp_frr import Frr, session
from bgp_gobgp import Gobgp, table
from bgp_network import NODE, NODE_ASN
from bgp_peer import Settings
from bgp_routes import FEEDER, feed
from common import harness

LOAD_S = 300
FRR_PREFIXES, GOBGP_DESTINATIONS = re.compile(r"Total Prefixes\s*:\s*(\d+)"), re.compile(r"Destination: (\d+)")


class Sender:
    """load(): knows all routes, has no neighbour. connect(): has the session, announces nothing. prepare(set), then
    act(): the one command after which exactly that set of bgp_routes.Routes is announced; None: nothing is."""
    name = ""

    def __init__(self, network, routes):
        self.network, self.routes = network, routes

    def load(self):
        raise NotImplementedError

    def connect(self, end):
        raise NotImplementedError

    def prepare(self, number):
        raise NotImplementedError

    def act(self):
        raise NotImplementedError

    def pids(self):
        raise NotImplementedError

    def cpu_seconds(self):
        return sum(map(common.process_cpu_seconds, self.pids()))

    def kib(self, field):
        return sum(common.status_field(pid, field) for pid in self.pids())

    def wait_until_known(self, count):
        """count(): how many routes it knows."""
        harness.wait_for(f"{self.name} to know all routes", lambda: count() == self.routes.total, timeout=LOAD_S,
                         interval=0.2)


class PeerSender(Sender):
    """One of the routers of the interoperability tests."""

    def pids(self):
        return [process.pid for process in self.peer.processes]


class FedBird(Bird):
    """Hands on what it has from the feeder, as far as it is in `released`."""
    released = ()  # networks

    def channel(self, family, neighbour):
        if neighbour.address == FEEDER[family]:
            return f" {family} {{ import all; export none; }};\n"
        return super().channel(family, neighbour)

    def export_filter(self):
        if not self.released:
            return "reject;"
        networks = ", ".join(f"{network}{{32,32}}" for network in self.released)
        return f"if source = RTS_BGP && net ~ [ {networks} ] then accept; reject;"


class BirdSender(PeerSender):
    """Released by "configure" with another export filter."""
    name = "bird"

    def load(self):
        self.peer = FedBird(self.network.node)
        self.peer.start(Settings(asn=NODE_ASN, router_id=NODE["ipv4"], neighbours=(feed(self.network, self.routes),)))
        feeding = self.peer.settings.neighbours[0].address
        self.wait_until_known(lambda: self.imported(feeding))

    def imported(self, neighbour):
        found = re.search(r"Routes:\s+(\d+) imported", "\n".join(self.peer.details(neighbour)))
        return int(found[1]) if found else 0

    def connect(self, end):
        settings = self.peer.settings
        self.peer.reconfigure(dataclasses.replace(settings, neighbours=(*settings.neighbours, end)))

    def prepare(self, number):
        self.peer.released = [block.network for block in self.routes.set(number)]
        self.peer.write("bird.conf", self.peer.configuration())

    def act(self):
        self.peer.ask("configure")


class HeldFrr(Frr):
    """Has a route map "out" that lets nothing pass, and a prefix list for each set."""
    sets = None  # bgp_routes.Routes

    def configuration(self):
        lines = ["exit", "bgp route-map delay-timer 0"]  # 0: a changed route map waits for "clear"
        for number in range(len(self.sets.counts)):
            lines += [f"ip prefix-list set{number} seq {5 * (block.number + 1)} permit {block.network} ge 32"
                      for block in self.sets.set(number)]
        return super().configuration() + "\n".join([*lines, "route-map out deny 10"]) + "\n"


class FrrSender(PeerSender):
    """Released by "clear ... soft out" after its route map was changed."""
    name = "frr"

    def load(self):
        self.peer = HeldFrr(self.network.node)
        self.peer.sets = self.routes
        self.peer.start(Settings(asn=NODE_ASN, router_id=NODE["ipv4"], routes=self.routes.prefixes()))
        self.wait_until_known(self.known)

    def known(self):
        found = FRR_PREFIXES.search(self.peer.ask("show bgp ipv4 unicast statistics"))
        return int(found[1]) if found else 0

    def connect(self, end):
        self.router = end.address
        lines = [line.strip() for line in session(end, NODE_ASN)]
        self.peer.ask("configure terminal", f"router bgp {NODE_ASN}", *lines, "address-family ipv4 unicast",
                      f"neighbor {end.address} activate", f"neighbor {end.address} route-map out out")

    def prepare(self, number):
        lines = ["route-map out deny 10"]
        if number is not None:
            lines = ["route-map out permit 10", f"match ip address prefix-list set{number}"]
        self.peer.ask("configure terminal", *lines)

    def act(self):
        self.peer.ask(f"clear bgp ipv4 unicast {self.router} soft out")


class FedGobgp(Gobgp):
    """Hands on what it has from the feeder once one of the policies "setN" is assigned."""
    sets, log_level = None, "info"  # sets: bgp_routes.Routes

    def configuration(self):
        text = super().configuration() + table("global.apply-policy.config", {"default-export-policy": "reject-route"})
        for number in range(len(self.sets.counts)):
            name = f"set{number}"
            text += table("defined-sets.prefix-sets", {"prefix-set-name": name}, is_list=True)
            for block in self.sets.set(number):
                text += table("defined-sets.prefix-sets.prefix-list",
                              {"ip-prefix": block.network, "masklength-range": "32..32"}, is_list=True)
            text += table("policy-definitions", {"name": name}, is_list=True)
            text += table("policy-definitions.statements", {"name": name}, is_list=True)
            text += table("policy-definitions.statements.conditions.match-prefix-set", {"prefix-set": name})
            text += table("policy-definitions.statements.actions", {"route-disposition": "accept-route"})
        return text


class GobgpSender(PeerSender):
    """Released by "softresetout" after its export policy was changed. That withdraws nothing of what the policy refuses
    now, so it withdraws because the feeder is disabled."""
    name = "gobgp"

    def load(self):
        self.peer = FedGobgp(self.network.node)
        self.peer.sets = self.routes
        self.peer.start(Settings(asn=NODE_ASN, router_id=NODE["ipv4"], neighbours=(feed(self.network, self.routes),)))
        self.wait_until_known(self.known)

    def known(self):
        return int(GOBGP_DESTINATIONS.search(self.peer.ask("global", "rib", "summary").stdout)[1])

    def connect(self, end):
        self.router = end.address
        self.peer.ask("neighbor", "add", end.address, "as", end.asn)

    def prepare(self, number):
        if number is None:
            self.command = (FEEDER["ipv4"], "disable")
            return
        self.command = (self.router, "softresetout")
        if self.known() == 0:
            self.assign()
            self.peer.ask("neighbor", FEEDER["ipv4"], "enable")
            self.wait_until_known(self.known)
        self.assign(f"set{number}")

    def assign(self, *policies):
        self.peer.ask("global", "policy", "export", "set", *policies, "default", "reject")

    def act(self):
        self.peer.ask("neighbor", *self.command, timeout=LOAD_S)
