"""The routes of bgp-announce, its sessions, and a feeder: a router from which another one has the routes.

The counts 1,000, 10,000 and 100,000 are sets of which each holds the one before. What a set adds is a block in a /14 of
its own, so that a pool, and a filter of every software, can name it in one line.
"""
import collections
import ipaddress

from bgp_bird import Bird
from bgp_network import ends, quick_host
from bgp_peer import Settings

FIRST_BLOCK, BLOCK_LENGTH = ipaddress.ip_address("10.64.0.0"), 14
BLOCK_ADDRESSES = 1 << (32 - BLOCK_LENGTH)
BLOCKS_MAX = 8  # the ninth would hold the network's own addresses
FEEDER, FEEDER_ASN = {"ipv4": "10.99.0.3", "ipv6": "fd99::3"}, 65010
HOLD_TIME = 90


class Block(collections.namedtuple("Block", "number count")):
    @property
    def name(self):
        return f"block{self.number}"

    @property
    def first(self):
        return FIRST_BLOCK + self.number * BLOCK_ADDRESSES

    @property
    def network(self):
        return f"{self.first}/{BLOCK_LENGTH}"

    @property
    def range(self):
        return f"{self.first}-{self.first + self.count - 1}"

    def prefixes(self):
        return [f"{self.first + offset}/32" for offset in range(self.count)]


class Routes:
    """counts: ascending."""

    def __init__(self, counts):
        self.counts = counts
        self.blocks = [Block(n, count - before) for n, (before, count) in enumerate(zip([0, *counts], counts))]

    @property
    def total(self):
        return self.counts[-1]

    def set(self, number):
        """The blocks of the set of that number; of None, the empty one."""
        return [] if number is None else self.blocks[:number + 1]

    def prefixes(self):
        return tuple(prefix for block in self.blocks for prefix in block.prefixes())


def sessions(**both):
    """(node's, router's) view of the session with the router."""
    return ends(families=("ipv4",), hold_time=HOLD_TIME, **both)


def feed(network, routes):
    """Starts a router that tells the node all routes; returns the node's view of the session with it."""
    host = quick_host(network.lab, "feeder")
    network.lab.plug(network.switch, host, "eth0", f"{FEEDER['ipv4']}/24")
    ours, theirs = sessions(router=FEEDER, router_asn=FEEDER_ASN)
    Bird(host).start(Settings(asn=FEEDER_ASN, router_id=FEEDER["ipv4"], neighbours=(theirs,),
                              routes=routes.prefixes()))
    return ours
