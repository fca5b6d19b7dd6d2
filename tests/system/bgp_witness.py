"""A witness of BGP: puts the TCP streams on a router's interface together again and takes the messages out.

It sees what the router sees, and is no party to it: the conversation is between lbd and real routers.
"""
import dataclasses
import socket
import struct

from bgp_update import MESSAGE_MAX, Update, read_update
from packets import ALL, SOL_PACKET, socket_in

BGP_PORT = 179
ETHERNET, IPV4 = 14, 0x0800
FIN, SYN, RST, ACK = 1, 2, 4, 16
SO_RCVBUFFORCE, PACKET_STATISTICS = 33, 6
BUFFER_BYTES = 32 << 20  # of frames that nobody has asked for yet
FRAME_MAX = 1 << 17      # segmentation offload makes frames of 64 KiB
HEADER, MARKER = 19, b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = range(1, 6)
KINDS = {OPEN: "open", UPDATE: "update", NOTIFICATION: "notification", KEEPALIVE: "keepalive",
         ROUTE_REFRESH: "route_refresh"}


@dataclasses.dataclass(frozen=True)
class Event:
    """A BGP message, or "connect" and "close" of the TCP connection that carries them."""
    connection: int  # 0, 1, ...
    sender: str      # address
    kind: str
    body: bytes = b""            # of a message, without its header
    update: Update | None = None


class Flow:
    """One direction of a TCP connection (RFC 9293), read from its first byte on."""

    def __init__(self, sequence):
        self.next, self.early, self.bytes = sequence, {}, b""

    def take(self, sequence, data):
        """Adds a segment, which may come twice or too early."""
        if data:
            self.early[sequence] = max(data, self.early.get(sequence, b""), key=len)
        for start in sorted(self.early, key=self.distance):
            behind = -self.distance(start)  # so much of it is known
            if behind < 0:
                break
            segment = self.early.pop(start)
            self.bytes += segment[behind:]
            self.next = (self.next + max(0, len(segment) - behind)) & 0xFFFFFFFF

    def distance(self, sequence):
        """From here to there, negative where it has gone by; numbers wrap."""
        return ((sequence - self.next + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)

    def messages(self):
        """(type, body) of the messages that are complete."""
        while len(self.bytes) >= HEADER:
            length, kind = struct.unpack("!HB", self.bytes[16:HEADER])
            assert self.bytes[:16] == MARKER and HEADER <= length <= MESSAGE_MAX, self.bytes[:HEADER].hex()
            if len(self.bytes) < length:
                return
            body, self.bytes = self.bytes[HEADER:length], self.bytes[length:]
            yield kind, body


class Connection:
    def __init__(self, number, opener, sequence):
        self.number, self.opener, self.sequence, self.flows = number, opener, sequence, {}


class Witness:
    """To be made before the sessions are: what has begun earlier cannot be read. Sessions over IPv4."""

    def __init__(self, host, interface="eth0"):
        self.events, self.connections, self.count = [], {}, 0
        self.socket = socket_in(host.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
        host.lab.sockets.append(self.socket)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self.socket.bind((interface, ALL))

    def look(self):
        """Reads what has gone over the interface since; returns how many events there are now."""
        while True:
            try:
                frame = self.socket.recv(FRAME_MAX, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if struct.unpack("!H", frame[12:14]) == (IPV4,):
                self.on_packet(frame[ETHERNET:])
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        _, dropped = struct.unpack("II", statistics)
        assert dropped == 0, f"{dropped} frames have escaped the witness"
        return len(self.events)

    def on_packet(self, packet):
        size, = struct.unpack("!H", packet[2:4])
        if packet[9] != socket.IPPROTO_TCP:
            return
        source, destination = (socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16))
        segment = packet[4 * (packet[0] & 15):size]
        from_port, to_port, sequence = struct.unpack("!HHI", segment[:8])
        if BGP_PORT in (from_port, to_port):
            key = frozenset(((source, from_port), (destination, to_port)))
            self.on_segment(key, source, sequence, segment[13], segment[4 * (segment[12] >> 4):])

    def on_segment(self, key, sender, sequence, flags, data):
        if flags & SYN and not flags & ACK:
            self.on_syn(key, sender, sequence)
        connection = self.connections.get(key)
        if connection is None:
            assert not data, f"bytes of a connection whose beginning was not seen: {key}"
            return
        if flags & SYN:
            connection.flows.setdefault(sender, Flow((sequence + 1) & 0xFFFFFFFF))
        elif sender in connection.flows:
            connection.flows[sender].take(sequence, data)
            self.on_messages(connection, sender)
        if flags & (FIN | RST):
            self.events.append(Event(connection.number, sender, "close"))

    def on_syn(self, key, sender, sequence):
        known = self.connections.get(key)
        if known and (known.opener, known.sequence) == (sender, sequence):
            return  # sent again
        self.connections[key] = Connection(self.count, sender, sequence)
        self.events.append(Event(self.count, sender, "connect"))
        self.count += 1

    def on_messages(self, connection, sender):
        for kind, body in connection.flows[sender].messages():
            update = read_update(body) if kind == UPDATE else None
            self.events.append(Event(connection.number, sender, KINDS[kind], body, update))
