"""lbd with a router of another AS and one of its own, both told what the test changes, step by step.

Each step makes one change and demands that each router hears exactly the difference between the routes it knew and
those it shall know: each prefix once, in as few UPDATEs as can be, in the session that it has had from the beginning.
"""
import dataclasses
import ipaddress

from bgp_bird import Bird
from bgp_listener import Listener, change_between
from bgp_network import LENGTHS, NODE, NODE_ASN, POOL, ROUTER, ROUTER_ASN, Network, addresses, ends, quick_host
from bgp_peer import FAMILIES, PATIENCE, Attributes, Settings
from cluster import Node
from harness import wait_for

INSIDE = {"ipv4": "10.99.0.3", "ipv6": "fd99::3"}  # the router of our own AS
FENCE = ("10.90.0.1", "fd90::1")
FENCE_PREFIXES = frozenset((f"{FENCE[0]}/32", f"{FENCE[1]}/128"))
HOLD_TIME = 30
LOCAL_PREF = 100  # of routes that are given none, RFC 4271 section 5.1.5


def aggregated(prefixes, length=32, length_v6=128):
    """{family: prefixes} that hold these."""
    return {family: {str(ipaddress.ip_network(each).supernet(new_prefix=new)) for each in prefixes[family]}
            for family, new in (("ipv4", length), ("ipv6", length_v6))}


class Scene:
    def __init__(self, lab):
        network = Network(lab)
        inside = quick_host(lab, "inside")
        lab.plug(network.switch, inside, "eth0", *(f"{INSIDE[family]}/{length}" for family, length in LENGTHS.items()))
        self.listeners = {"external": self.listen("external", network.router, ROUTER, ROUTER_ASN),
                          "internal": self.listen("internal", inside, INSIDE, NODE_ASN)}
        self.node = Node(network.node, "n1", NODE["ipv4"])
        self.node.start().init()
        self.fences = 0
        self.begin()

    @staticmethod
    def listen(name, host, own, asn):
        """A router that waits for lbd, so that there is one connection and no other."""
        _, end = ends(router=own, router_asn=asn, hold_time=HOLD_TIME)
        end = dataclasses.replace(end, passive=True)
        listener = Listener(name, Bird(host), FENCE_PREFIXES)
        listener.router.start(Settings(asn=asn, router_id=own["ipv4"], neighbours=(end,)))
        return listener

    def begin(self):
        """Both sessions up, with no route but the fence's."""
        self.apply({"kind": "pool", "name": "lan", "addresses": POOL.split(","), "labels": {"tier": "front"}},
                   {"kind": "pool", "name": "fence", "addresses": [f"{FENCE[0]}/32", f"{FENCE[1]}/128"]},
                   {"kind": "vip", "name": "fence", "namespace": "default", "pool": "fence", "addresses": list(FENCE)},
                   self.advertisement(), self.fence_advertisement(), *map(self.peer, self.listeners))
        for listener in self.listeners.values():
            self.wait_end_of_rib(listener)
        self.fence(*self.listeners.values())
        for listener in self.listeners.values():
            listener.check_session(opened=0)

    # ---- objects ----------------------------------------------------------------------------------
    def apply(self, *items, status=200):
        """All of them by one change."""
        answer = self.node.call("POST", "/v1/apply", {"items": list(items)}, timeout=60)
        assert answer.status == status, answer
        return answer

    def delete(self, path):
        answer = self.node.call("DELETE", f"/v1/{path}", timeout=60)
        assert answer.status == 200, answer

    def peer(self, name, **fields):
        there, = self.listeners[name].router.settings.neighbours  # the session as the router sees it
        return {"kind": "bgp-peer", "name": name, "my_asn": there.asn, "peer_asn": there.local_asn,
                "peer_address": there.local_address, "hold_time": HOLD_TIME, "connect_time": 1, **fields}

    @staticmethod
    def advertisement(name="all", **fields):
        if not fields.keys() & {"pools", "pool_selectors"}:
            fields["pools"] = ["lan"]
        return {"kind": "bgp-advertisement", "name": name, **fields}

    @staticmethod
    def vips(numbers, place=addresses, **fields):
        """Items; place: what addresses a number has."""
        return [{"kind": "vip", "name": f"v{number}", "namespace": "default", "addresses": list(place(number)),
                 **fields} for number in numbers]

    # ---- routes -----------------------------------------------------------------------------------
    @staticmethod
    def routes(name, prefixes, prepend=0, **shape):
        """{prefix: Attributes} as one listener shall know them; prefixes: {family: prefixes}."""
        if name == "internal":
            shape["local_pref"] = shape.get("local_pref", LOCAL_PREF)
        else:
            shape.update(local_pref=None, as_path=(NODE_ASN,) * (1 + prepend))
        for field in ("communities", "large_communities", "extended_communities"):
            shape[field] = frozenset(shape.get(field, ()))
        return {prefix: Attributes(next_hop=NODE[family], **shape) for family in FAMILIES
                for prefix in prefixes[family]}

    def tables(self, prefixes, **shape):
        """routes() of both, for step()."""
        return {name: self.routes(name, prefixes, **shape) for name in self.listeners}

    # ---- steps ------------------------------------------------------------------------------------
    def step(self, what, change, packed=True, **tables):
        """Makes a change, see make(); tables: what a listener shall know then, if it is something else than now."""
        wanted = self.set_tables(tables)
        self.make(change)
        for name, listener in self.listeners.items():
            listener.wait_heard(wanted[name])
        self.fence(*self.listeners.values())
        self.told(what, [each.check(wanted[name], packed) for name, each in self.listeners.items()])
        for listener in self.listeners.values():
            listener.check_router()

    def make(self, change):
        """change: a list of items for apply(), or something to be called."""
        if callable(change):
            change()
        else:
            self.apply(*change)

    def set_tables(self, tables):
        """Sets the marks; returns {name: Change}."""
        wanted = {}
        for name, listener in self.listeners.items():
            after = tables.get(name, listener.table)
            wanted[name] = change_between(listener.table, after)
            listener.table = after
            listener.set_mark()
        return wanted

    @staticmethod
    def told(what, parts):
        print(f"bgp-changes: {what}: {', '.join(parts)}", flush=True)

    def fence_advertisement(self):
        return {"kind": "bgp-advertisement", "name": "fence", "pools": ["fence"], "med": self.fences}

    def fence(self, *listeners):
        """Changes a route that the test is not about, and waits until these have heard of it.

        What lbd had to say before has been said then: it speaks to each in order.
        """
        self.fences += 1
        self.apply(self.fence_advertisement())
        for each in listeners:
            wait_for(f"the fence at {each.name}", lambda: self.fenced(each), timeout=PATIENCE)

    def fenced(self, listener):
        seen = [prefix for update in listener.all_updates() for prefix in update.announced
                if prefix in FENCE_PREFIXES and update.attributes.med == self.fences]
        assert len(seen) == len(set(seen)), f"{listener.name}: the fence was told twice"
        return FENCE_PREFIXES == set(seen)

    # ---- sessions ---------------------------------------------------------------------------------
    def end(self, what, change, name, cease):
        """Makes a change that ends one session for good, by a NOTIFICATION with this subcode of Cease."""
        listener, other = self.listeners[name], self.other_than(name)
        wanted = self.set_tables({})
        self.make(change)
        listener.router.wait_down(NODE["ipv4"])
        self.fence(other)
        listener.check_end(cease)
        self.told(what, [f"{name} ended", other.check(wanted[other.name])])

    def begin_anew(self, what, change, name, cease=None):
        """Makes a change that begins one session, after the end of the former one where a subcode of Cease is given."""
        listener, other = self.listeners[name], self.other_than(name)
        wanted, opened = self.set_tables({}), listener.witness.count
        self.make(change)
        self.wait_end_of_rib(listener)
        self.fence(listener, other)
        if cease:
            listener.check_end(cease)
        self.told(what, [f"{listener.check_session(opened)} of a new session", other.check(wanted[other.name])])
        listener.check_router()

    def other_than(self, name):
        other, = (listener for key, listener in self.listeners.items() if key != name)
        return other

    @staticmethod
    def wait_end_of_rib(listener):
        wait_for(f"both End-of-RIB at {listener.name}", lambda: listener.ended() == sorted(FAMILIES),
                 timeout=2 * PATIENCE)
