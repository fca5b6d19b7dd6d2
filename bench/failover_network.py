"""The network of ./dev bench failover: each node on an access switch of its own, all of those on one core switch.

            client   watch               core switch: the clients' segment
               |       |                    |
        -------+-------+---+--------------+-+------------- core
                           | uplink       | uplink
                  watch -- access1        access2 ...      what is cut here, the node's carrier does not show
                           | port
                           n1                              what is cut here, it does

Nodes, clients and VIPs share one network, and the nodes talk to each other on it. All switches are bridges in one
namespace, where filters stand on a node's port: between it and everybody, so that neither side knows.
"""
import common

SUBNET_V4, LENGTH_V4, PREFIX_V6, LENGTH_V6 = "10.64.0", 10, "fd64::", 64
CLIENT_NUMBER, WATCH_NUMBER = 250, 240  # last parts of addresses
CORE = "core"


class Network:
    """Owned by a Lab, which takes it down."""

    def __init__(self, lab):
        self.lab, self.nodes = lab, []
        self.switch = lab.host("switch")
        self.bridge(CORE)
        self.client, self.watch = lab.host("client"), lab.host("watch")
        self.plug(CORE, "client", self.client, "eth0", self.addresses(CLIENT_NUMBER))
        self.watch.run("sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")  # addresses are given below
        self.watch_beside(CORE)

    @staticmethod
    def addresses(number):
        return [f"{SUBNET_V4}.{number}/{LENGTH_V4}", f"{PREFIX_V6}{number}/{LENGTH_V6}"]

    def bridge(self, name):
        self.switch.ip("link", "add", name, "type", "bridge", "mcast_snooping", "0")
        self.switch.ip("link", "set", name, "up")

    def plug(self, bridge, port, host, interface, addresses):
        self.switch.ip("link", "add", port, "type", "veth", "peer", "name", interface, "netns", host.netns)
        self.switch.ip("link", "set", port, "master", bridge, "up")
        host.ip("link", "set", interface, "up")
        for address in addresses:
            host.ip("addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))

    def watch_beside(self, bridge):
        """A place to ask from; IPv4 is asked from an address that no machine has."""
        number = len(self.nodes)
        self.plug(bridge, f"watch{number}", self.watch, f"w{number}", [f"fe80::{WATCH_NUMBER + number}/64"])

    def watch_flags(self):
        places = range(len(self.nodes) + 1)
        return [flag for n in places for flag in ("--interface", f"w{n}",
                                                  "--source-v4", f"{SUBNET_V4}.{WATCH_NUMBER + n}",
                                                  "--source-v6", f"fe80::{WATCH_NUMBER + n}")]

    def add_node(self, name):
        """A machine behind an access switch; its place in the network knows its faults."""
        number = len(self.nodes) + 1
        host, access = self.lab.host(name), f"access{number}"
        self.bridge(access)
        self.switch.ip("link", "add", f"up{number}", "type", "veth", "peer", "name", f"down{number}")
        self.switch.ip("link", "set", f"up{number}", "master", access, "up")
        self.switch.ip("link", "set", f"down{number}", "master", CORE, "up")
        self.plug(access, f"port{number}", host, "eth0", self.addresses(number))
        self.nodes.append(Place(self, number, host))
        common.harness.wait_for(f"{name} to have its link-local address", lambda: not host.ip(
            "-6", "addr", "show", "dev", "eth0", "tentative"), timeout=30)
        self.watch_beside(access)
        for port in (f"up{number}", f"watch{number}"):  # it asks this node alone
            self.switch.run("bridge", "link", "set", "dev", port, "isolated", "on")
        return self.nodes[-1]

    def filter(self, text):
        """All of it at once: a fault that comes bit by bit is several faults."""
        self.switch.run("nft", "-f", "-", input=text)

    def forget_neighbours(self):
        """What an operator would do on a client that talks to the wrong machine."""
        self.client.ip("neigh", "flush", "dev", "eth0")


class Place:
    """Where a node is plugged in, and what can go wrong there."""

    def __init__(self, network, number, host):
        self.network, self.number, self.host = network, number, host
        self.address = f"{SUBNET_V4}.{number}"
        self.mac = host.mac("eth0")
        self.port, self.uplink = f"port{number}", f"up{number}"

    def link(self, name, state):
        self.network.switch.ip("link", "set", name, state)

    def filters(self, rules):
        """The text that replaces what is filtered at this node's port; rules: of the chains `from_node`, `to_node`."""
        table = f"netdev at{self.number}"
        text = f"add table {table}\ndelete table {table}\n"  # "add" first: to delete what is not there is an error
        if rules:
            text += f"add table {table}\n"
            for chain, rule in rules:
                hook = {"from_node": "ingress", "to_node": "egress"}[chain]
                text += (f"add chain {table} {chain} {{ type filter hook {hook} device {self.port} priority 0; }}\n"
                         f"add rule {table} {chain} {rule}\n")
        return text

    def drop_all(self):
        self.network.filter(self.filters([("from_node", "drop"), ("to_node", "drop")]))

    def drop_what_it_sends(self):
        self.network.filter(self.filters([("from_node", "drop")]))

    def part_from_other_nodes(self):
        """Frames of the other nodes are kept from it, and its own from them; the client's pass."""
        others = [p for p in self.network.nodes if p is not self]
        text = self.filters([("to_node", f"ether saddr {{ {', '.join(p.mac for p in others)} }} drop")])
        for other in others:
            text += other.filters([("to_node", f"ether saddr {self.mac} drop")])
        self.network.filter(text)

    def heal(self):
        self.network.filter("".join(place.filters([]) for place in self.network.nodes))

    def forget(self, addresses):
        """What a machine without power has lost; its processes are gone already."""
        for interface in ("eth0", "lo"):
            present = common.json_of(self.host.ip("-j", "addr", "show", "dev", interface))
            for entry in present[0]["addr_info"]:
                if entry["local"] in addresses:
                    self.host.ip("addr", "del", f"{entry['local']}/{entry['prefixlen']}", "dev", interface)
        self.host.run("tc", "qdisc", "del", "dev", "eth0", "clsact", check=False)  # it need not be there


class Fault:
    """What happens to the owner of the VIP. inject() returns when it has happened; heal() when it is undone or,
    for a process, under way again."""

    def __init__(self, name, inject, heal):
        self.name, self.inject, self.heal = name, inject, heal


def nothing(_system, _node):
    pass


def start_again(system, node):
    system.reap(node)
    system.start(node)


def cut_power(system, node):
    node.place.link(node.place.port, "down")
    system.kill(node)


def restore_power(system, node):
    system.reap(node)
    node.place.forget(system.vip_addresses)
    node.place.link(node.place.port, "up")
    system.start(node)


FAULTS = {fault.name: fault for fault in (
    Fault("none", nothing, nothing),
    Fault("sigterm", lambda s, n: s.terminate(n), start_again),
    Fault("kill", lambda s, n: s.kill(n), start_again),
    Fault("stop", lambda s, n: s.pause(n), lambda s, n: s.resume(n)),
    Fault("link-down", lambda s, n: n.place.link(n.place.port, "down"), lambda s, n: n.place.link(n.place.port, "up")),
    Fault("cable-cut", lambda s, n: n.place.link(n.place.uplink, "down"),
          lambda s, n: n.place.link(n.place.uplink, "up")),
    Fault("drop", lambda s, n: n.place.drop_all(), lambda s, n: n.place.heal()),
    Fault("drop-between", lambda s, n: n.place.part_from_other_nodes(), lambda s, n: n.place.heal()),
    Fault("one-way", lambda s, n: n.place.drop_what_it_sends(), lambda s, n: n.place.heal()),
    Fault("power", cut_power, restore_power))}
