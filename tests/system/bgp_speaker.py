"""Who announces in the BGP tests: lbd, or BIRD in its place where the tests themselves are tested.

Both are told the same: a session to hold, numbers to announce (bgp_network.addresses), attributes to give them.
"""
import concurrent.futures
import dataclasses

from bgp_bird import Bird
from bgp_network import NODE, POOL, addresses, link_local, prefixes
from bgp_peer import Attributes, Settings
from cluster import Node
from harness import wait_for

WORKERS = 4  # VIPs are deleted one by one, so many at a time
PLAIN = Attributes()


class Lbd:
    """The real one. Its numbers are VIPs of a pool that an advertisement for all peers selects."""
    label, lacks = "bgp-matrix", {}  # label: of the lines that say how a case went

    def __init__(self, network, host=None, address=NODE["ipv4"]):
        """In the network's node; or elsewhere, where it plays a router that takes no routes."""
        self.network = network
        host = host or network.node
        self.node = Node(host, host.name, address)

    @property
    def process(self):
        return self.node.process

    def start(self):
        self.node.start().init()
        self.node.lbctl("pool", "create", "lan", "--addresses", POOL)
        self.shape()

    def lbctl(self, *words, **options):
        return self.node.lbctl(*words, **options)

    # ---- sessions -------------------------------------------------------------------------------
    def connect(self, end):
        if end.bfd:
            self.lbctl("bfd-profile", "create", "fast", "--receive-interval", end.bfd.receive_ms,
                       "--transmit-interval", end.bfd.transmit_ms, "--detect-multiplier", end.bfd.multiplier,
                       *(("--echo-mode", "--echo-interval", end.bfd.echo_ms) if end.bfd.echo_ms else ()))
        self.lbctl("bgp-peer", "create", "tor1", *self.flags(end))

    def flags(self, end):
        where = "--peer-prefix" if "/" in end.address else "--peer-address"
        words = ["--interface", end.interface] if end.interface else [where, end.address]
        words += ["--peer-asn", end.asn, "--my-asn", end.local_asn, "--hold-time", end.hold_time,
                  "--keepalive-time", end.keepalive, "--connect-time", 1]
        if end.password:
            file = self.node.dir / "password"
            file.write_text(end.password + "\n")
            words += ["--password", f"@{file}"]
        if end.ttl_security:
            words += ["--ttl-security-hops", 1]
        if end.multihop:
            words.append("--ebgp-multi-hop")
        if end.passive:
            words.append("--passive")
        if end.graceful_restart:
            words += ["--enable-graceful-restart", "--restart-time", end.restart_time]
        if end.bfd:
            words += ["--bfd-profile", "fast"]
        if end.role:
            words += ["--role", end.role]
        if len(end.families) == 1:
            words += ["--families", end.families[0]]
        return words

    def disconnect(self):
        self.lbctl("bgp-peer", "delete", "tor1", check=False)
        self.lbctl("bfd-profile", "delete", "fast", check=False)

    def bfd(self):
        """How BFD is with the one session, as the node tells it."""
        sessions = self.node.json("bgp-peer", "show", "tor1")["status"]["sessions"]
        return sessions[0].get("bfd", {}) if sessions else {}

    def reset(self):
        """The session begins anew, at once: whoever has lost it many times would wait longer and longer."""
        answer = self.node.ask("POST", "/v1/bgp-peers/tor1/reset")
        assert answer.status == 200, answer

    # ---- routes ---------------------------------------------------------------------------------
    def shape(self, attributes=PLAIN, prepend=0):
        """What all routes carry from now on."""
        fields = {"communities": sorted(attributes.communities)
                  + [f"large:{each}" for each in sorted(attributes.large_communities)],
                  "extended_communities": sorted(attributes.extended_communities), "prepend": prepend or None,
                  "med": attributes.med, "local_pref": attributes.local_pref}
        given = {name: value for name, value in fields.items() if value not in (None, [])}
        self.apply([{"kind": "bgp-advertisement", "name": "all", **given}])

    def announce(self, numbers):
        # `bind` keeps the addresses on lo over a crash, so that forwarding really survives a restart.
        self.apply([{"kind": "vip", "name": f"v{number}", "namespace": "default", "pool": "lan", "delivery": "bind",
                     "addresses": list(addresses(number))} for number in numbers])

    def apply(self, items):
        """All of them or none, by one change."""
        self.call("POST", "/v1/apply", {"items": items}, 200)

    def withdraw(self, numbers):
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda number: self.call("DELETE", f"/v1/vips/default/v{number}", None, 200, 204), numbers))

    def withdraw_at_once(self):
        """All routes, by one change; shape() brings them back."""
        self.lbctl("bgp-advertisement", "delete", "all")

    def drain(self):
        self.lbctl("node", "drain", self.node.name)

    def wait_drained(self):
        """Until the cluster knows that the routes are taken back."""
        self.lbctl("node", "drain", self.node.name, "--wait=10")

    def undrain(self):
        self.lbctl("node", "undrain", self.node.name)

    def call(self, method, path, body, *wanted):
        answer = self.node.call(method, path, body, timeout=60)
        assert answer.status in wanted, answer

    # ---- faults ---------------------------------------------------------------------------------
    def kill(self):
        self.node.kill()

    def recover(self):
        self.node.start()

    def pause(self):
        self.node.pause()

    def resume(self):
        self.node.resume()


class Stand:
    """BIRD in lbd's place."""
    label, lacks = "bgp-peers", {"bfd_echo": "BIRD has no echo function", "drain": "BIRD drains nothing by itself"}

    def __init__(self, network):
        self.network, self.bird, self.numbers = network, Bird(network.node), set()
        self.settings = Settings(asn=0, router_id=NODE["ipv4"])

    @property
    def process(self):
        return self.bird.processes[0]

    def start(self):
        self.bird.start(self.settings)

    def change(self, **changes):
        self.settings = dataclasses.replace(self.settings, **changes)
        self.bird.reconfigure(self.settings)

    def connect(self, end):
        if end.interface:
            end = dataclasses.replace(end, address=link_local(self.network.router))
        self.change(asn=end.local_asn, neighbours=(end,))

    def disconnect(self):
        self.change(neighbours=())

    def reset(self):
        pass  # it tries again after two seconds at most

    def shape(self, attributes=PLAIN, prepend=0):
        """After connect(): the number to prepend is the session's own."""
        path = (self.settings.asn,) * prepend
        self.change(attributes=dataclasses.replace(attributes, as_path=path), routes=self.listed())

    def listed(self):
        return tuple(sorted(set().union(*prefixes(self.numbers).values())))

    def announce(self, numbers):
        self.numbers |= set(numbers)
        self.change(routes=self.listed())

    def withdraw(self, numbers):
        self.numbers -= set(numbers)
        self.change(routes=self.listed())

    def withdraw_at_once(self):
        self.change(routes=())

    def kill(self):
        self.bird.kill()

    def recover(self):
        self.bird.recover()
        wait_for("BIRD to be ready", self.bird.is_ready)

    def pause(self):
        self.bird.pause()

    def resume(self):
        self.bird.resume()
