"""What ./dev bench bgp-detection looks at: a router's kernel, and what the two ends of a session send.

Both are the same for every software, and nobody has to be asked: the kernel tells of each route that goes, and an end
that has noticed a failure says so on the wire, by a BFD packet that is not Up and by the end of the TCP connection.
They are seen where they leave, so it does not matter that they no longer arrive anywhere. After seconds without an
acknowledgement TCP holds the end of a connection back; the kernel's list of connections shows it then.
"""
import select
import socket
import struct
import time

import common  # noqa: F401  it knows where the harness is
from packets import ALL, socket_in

GROUPS = 0x40 | 0x400  # RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE
ROUTE_NEW, ROUTE_GONE = 24, 25  # RTM_NEWROUTE, RTM_DELROUTE
DESTINATION = 1  # RTA_DST
OUTGOING = 4  # PACKET_OUTGOING
BFD_PORT, BGP_PORT = 3784, 179
FIN_OR_RST = 0x05
MARKER, NOTIFICATION = b"\xff" * 16, 3  # RFC 4271 section 4.1
UDP, TCP = 17, 6
ESTABLISHED = "01"  # in /proc/net/tcp
LOOK_S = 0.01  # between two looks at the list of connections: the kernel takes a millisecond to make it


class Routes:
    """Tells `routes_gone` when the kernel of a host has lost the last of some prefixes."""

    def __init__(self, host, prefixes):
        self.left = set(prefixes)
        self.wanted = frozenset(prefixes)
        self.socket = socket_in(host.netns, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, GROUPS))

    def events(self):
        for kind, prefix in route_messages(self.socket.recv(65536)):
            if prefix in self.wanted:
                (self.left.add if kind == ROUTE_NEW else self.left.discard)(prefix)
        return () if self.left else ("routes_gone",)


def route_messages(data):
    """(kind, prefix) of each route that rtnetlink tells of."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16:
            return
        if kind in (ROUTE_NEW, ROUTE_GONE):
            family, prefix_length = data[16], data[17]
            attributes, rest = {}, data[28:length]
            while len(rest) >= 4:
                size, name = struct.unpack_from("=HH", rest)
                if size < 4:
                    break
                attributes[name] = rest[4:size]
                rest = rest[(size + 3) & ~3:]
            if DESTINATION in attributes:
                yield kind, f"{socket.inet_ntop(family, attributes[DESTINATION])}/{prefix_length}"
        data = data[(length + 3) & ~3:]


class Sent:
    """Tells `NAME_bfd` when a host sends BFD that is not Up, and `NAME_bgp` when it ends a BGP connection."""

    def __init__(self, host, name, interface="eth0"):
        self.name = name
        self.socket = socket_in(host.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((interface, ALL))

    def events(self):
        frame, where = self.socket.recvfrom(2048)
        if where[2] != OUTGOING or frame[12:14] != b"\x08\x00":
            return ()
        packet = frame[14:]
        protocol, payload = packet[9], packet[4 * (packet[0] & 15):]
        if protocol == UDP and says_down(payload):
            return (f"{self.name}_bfd",)
        if protocol == TCP and ends_connection(payload):
            return (f"{self.name}_bgp",)
        return ()


def says_down(datagram):
    """RFC 5880 section 4.1: the state is in the first two bits of the second byte; 3 is Up."""
    return struct.unpack_from("!H", datagram, 2)[0] == BFD_PORT and datagram[9] >> 6 != 3


def ends_connection(segment):
    if BGP_PORT not in struct.unpack_from("!HH", segment):
        return False
    message = segment[4 * (segment[12] >> 4):]
    return bool(segment[13] & FIN_OR_RST) or (message[:16] == MARKER and message[18:19] == bytes([NOTIFICATION]))


class Connections:
    """Tells `NAME_bgp` when a process has no established BGP connection in its namespace any more."""

    def __init__(self, process, name):
        self.name, self.path = name, f"/proc/{process.pid}/net/tcp"

    def events(self):
        with open(self.path) as listed:
            lines = [line.split()[1:4] for line in listed][1:]
        ports = [port for *ends, state in lines if state == ESTABLISHED for port in ends]
        return () if any(int(port.rpartition(":")[2], 16) == BGP_PORT for port in ports) else (f"{self.name}_bgp",)


class Watch:
    """From before a fault until all that it must lead to has happened. A context: the sockets are closed at its end.

    listed: the process whose connections are looked at in the kernel's list as well.
    """

    def __init__(self, network, prefixes, listed=None):
        self.connections = Connections(listed, "node") if listed else None
        self.instruments = [Routes(network.router, prefixes), Sent(network.node, "node"),
                            Sent(network.router, "router")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.instruments:
            each.socket.close()

    def is_disturbed(self, seconds):
        """Whether anything happens within so long, or has since this was made."""
        return bool(self.look(time.monotonic_ns(), seconds, bool))

    def after(self, fault, awaited, patience):
        """{event: milliseconds after fault() began}, when all that is awaited was seen. Raises when it was not."""
        injected = time.monotonic_ns()
        fault()
        seen = self.look(injected, patience, awaited.issubset, lists="node_bgp" in awaited)
        if not awaited.issubset(seen):
            raise AssertionError(f"in {patience} s no {sorted(awaited - seen.keys())}, only {seen}")
        return seen

    def look(self, since, seconds, is_enough, lists=False):
        """{event: milliseconds after `since`} of what happens within so long, or until that is enough."""
        by_socket = {each.socket: each for each in self.instruments}
        seen, end = {}, time.monotonic() + seconds
        while not is_enough(seen) and (left := end - time.monotonic()) > 0:
            readable = select.select(list(by_socket), [], [], min(left, LOOK_S))[0]
            at = (time.monotonic_ns() - since) / 1e6
            changed = [by_socket[each] for each in readable]
            if lists and self.connections and not readable:
                changed.append(self.connections)
            for each in changed:
                for event in each.events():
                    seen.setdefault(event, at)
        return seen
