"""lbd as the one that announces in bgp-announce, and how long it takes to answer while it has so many VIPs."""
import statistics
import time

from bgp_network import NODE
from bgp_senders import LOAD_S, Sender
from cluster import Node, UnixConnection, answers
from common import harness

VIPS_AT_ONCE = 5000  # of one request, whose body may have 1 MiB
PEER = "tor1"
CALLS = ("/v1/status", "/v1/vips", "/v1/vips/default/{vip}", "/v1/vips/default/{vip}/explain", "/v1/pools",
         "/v1/bgp-advertisements", "/v1/bgp-peers", f"/v1/bgp-peers/{PEER}", f"/v1/bgp-peers/{PEER}/routes",
         "/v1/doctor", "/metrics")


class Trivet(Sender):
    """Its routes are VIPs, one for each; released by a bgp-advertisement that names their pools.

    Before that an advertisement for a peer that does not exist selects every pool: so none is announced by layer 2.
    """
    name = "trivet"

    def load(self):
        self.node = Node(self.network.node, "n1", NODE["ipv4"])
        self.node.start().init()
        pools = [{"kind": "pool", "name": block.name, "addresses": [block.range]} for block in self.routes.blocks]
        self.apply([{"kind": "bgp-advertisement", "name": "held", "peers": ["nobody"]}, *pools])
        for block in self.routes.blocks:
            for first in range(0, block.count, VIPS_AT_ONCE):
                self.apply([{"kind": "vip", "name": f"{block.name}-{n}", "pool": block.name}
                            for n in range(first, min(first + VIPS_AT_ONCE, block.count))])
        self.restart()

    def restart(self):
        """So that it has what it needs for the VIPs, and nothing that is left over from making them."""
        self.node.terminate(timeout=60)
        begun = time.monotonic()
        self.node.spawn()
        harness.wait_for("lbd to answer", lambda: answers(self.node), timeout=LOAD_S)
        self.wait_until_known(self.known)
        self.start_seconds = time.monotonic() - begun
        self.connection = UnixConnection(self.node.socket, timeout=LOAD_S)
        self.network.lab.sockets.append(self.connection)

    def known(self):
        vips = self.node.ask("GET", "/v1/status").body["vips"]
        return vips["assigned"] + vips["announced"]

    def apply(self, items):
        answer = self.node.call("POST", "/v1/apply", {"items": items}, timeout=LOAD_S)
        assert answer.status == 200, answer

    def connect(self, end):
        self.ask("POST", "/v1/bgp-peers", {"name": PEER, "peer_address": end.address, "peer_asn": end.asn,
                                           "my_asn": end.local_asn, "hold_time": end.hold_time, "connect_time": 1,
                                           "families": list(end.families)}, wanted=201)

    def prepare(self, number):
        pools = [block.name for block in self.routes.set(number)]
        self.call = ("DELETE", "/v1/bgp-advertisements/released", None, 200)
        if pools:
            self.call = ("POST", "/v1/bgp-advertisements", {"name": "released", "pools": pools}, 201)

    def act(self):
        self.ask(*self.call)

    def ask(self, method, path, body, wanted):
        answer = self.connection.call(method, path, body)
        assert answer.status == wanted, answer

    def pids(self):
        return [self.node.process.pid]

    # ---- answers --------------------------------------------------------------------------------
    def latencies(self, times):
        """(what was asked, median and longest milliseconds, bytes of the answer) of each kind of question."""
        for path in CALLS:
            path = path.format(vip=f"{self.routes.blocks[0].name}-0")
            took, size = zip(*(self.fetch(path) for _ in range(times)))
            yield "GET " + path, statistics.median(took), max(took), size[0]
        took = [milliseconds(lambda: self.node.lbctl("bgp-peer", "show", PEER)) for _ in range(times)]
        yield f"lbctl bgp-peer show {PEER}", statistics.median(took), max(took), None

    def fetch(self, path):
        """(milliseconds, bytes); the JSON is not looked at."""
        text = b""

        def work():
            nonlocal text
            self.connection.request("GET", path)
            response = self.connection.getresponse()
            text = response.read()
            assert response.status == 200, (path, response.status, text[:500])

        return milliseconds(work), len(text)


def milliseconds(work):
    begun = time.monotonic()
    work()
    return (time.monotonic() - begun) * 1e3
