"""The network of the BGP tests: a node that announces and a router on one switch, and a router behind another.

    node 10.99.0.1 ---- switch ---- 10.99.0.2 router
                          |
                     10.99.0.254 middle 10.98.0.254 ---- 10.98.0.2 far

IPv6 likewise in fd99::/64 and fd98::/64. Announced are 10.88.0.N/32 and fd88::N/128.
"""
import json

from bgp_peer import Neighbour, canonical, canonical_prefix

NODE_ASN, ROUTER_ASN = 65009, 65000
NODE = {"ipv4": "10.99.0.1", "ipv6": "fd99::1"}
ROUTER = {"ipv4": "10.99.0.2", "ipv6": "fd99::2"}
FAR = {"ipv4": "10.98.0.2", "ipv6": "fd98::2"}
MIDDLE_NEAR, MIDDLE_FAR = ("10.99.0.254", "fd99::254"), ("10.98.0.254", "fd98::254")
LENGTHS = {"ipv4": 24, "ipv6": 64}
POOL = "10.88.0.0/16,fd88::/112"


def addresses(number):
    """What is announced under a number."""
    return f"10.88.{number >> 8}.{number & 255}", f"fd88::{number:x}"


def prefixes(numbers):
    """{family: prefixes} of these numbers."""
    pairs = [addresses(number) for number in numbers]
    return {"ipv4": {f"{v4}/32" for v4, _ in pairs}, "ipv6": {canonical_prefix(f"{v6}/128") for _, v6 in pairs}}


def link_local(host, interface="eth0"):
    for entry in json.loads(host.ip("-j", "-6", "address", "show", "dev", interface))[0]["addr_info"]:
        if entry["scope"] == "link":
            return canonical(entry["local"])
    raise AssertionError(f"{host.name} has no link-local address on {interface}")


def with_length(pair):
    return [f"{address}/{LENGTHS['ipv6' if ':' in address else 'ipv4']}" for address in pair]


def quick_host(lab, name):
    """A host whose link-local addresses are usable at once."""
    host = lab.host(name)
    host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
    return host


class Network:
    def __init__(self, lab):
        self.lab, self.switch = lab, lab.bridge()
        self.node, self.router = quick_host(lab, "n1"), quick_host(lab, "router")
        self.node_port = lab.plug(self.switch, self.node, "eth0", *with_length(NODE.values()))
        lab.plug(self.switch, self.router, "eth0", *with_length(ROUTER.values()))
        self.far_host = None

    def far(self):
        """The router that is two hops away; made when it is first asked for."""
        if self.far_host is None:
            middle, self.far_host = quick_host(self.lab, "middle"), quick_host(self.lab, "far")
            behind = self.lab.bridge("br1")
            self.lab.plug(self.switch, middle, "eth0", *with_length(MIDDLE_NEAR))
            self.lab.plug(behind, middle, "eth1", *with_length(MIDDLE_FAR))
            self.lab.plug(behind, self.far_host, "eth0", *with_length(FAR.values()))
            middle.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
            for destination, via in (("10.98.0.0/24", MIDDLE_NEAR[0]), ("fd98::/64", MIDDLE_NEAR[1])):
                self.node.ip("route", "add", destination, "via", via)
            for destination, via in (("10.99.0.0/24", MIDDLE_FAR[0]), ("fd99::/64", MIDDLE_FAR[1])):
                self.far_host.ip("route", "add", destination, "via", via)
        return self.far_host

    def cut(self):
        """The node's cable is pulled somewhere out of everybody's sight: no carrier is lost."""
        self.switch.ip("link", "set", self.node_port, "nomaster")

    def mend(self):
        self.switch.ip("link", "set", self.node_port, "master", self.switch.bridge_name)


def ends(over="ipv4", router=ROUTER, node=NODE, node_asn=NODE_ASN, router_asn=ROUTER_ASN, **both):
    """(node's, router's) view of one session between them."""
    ours = Neighbour(local_address=node[over], local_asn=node_asn, address=router[over], asn=router_asn,
                     next_hop_ipv6=node["ipv6"], **both)
    return ours, ours.mirrored(next_hop_ipv6=router["ipv6"])


def tcp_counter(host, name):
    """One of the kernel's counters of a namespace, as TCPMinTTLDrop."""
    lines = host.run("cat", "/proc/net/netstat").stdout.splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        found = dict(zip(names.split()[1:], values.split()[1:]))
        if name in found:
            return int(found[name])
    raise AssertionError(f"the kernel counts no {name}")


def connections(host):
    """[(own port, other port)] of established BGP connections."""
    listed = host.run("ss", "-Htn", "state", "established").stdout.splitlines()
    ports = [tuple(int(field.rpartition(":")[2]) for field in line.split()[2:4]) for line in listed]
    return [pair for pair in ports if 179 in pair]
