"""Counts BGP messages where they arrive: at the router's interface, out of the packets of its TCP connection.

The kernel keeps the packets and notes when each came; nothing reads them before what is measured is over.
"""
import collections
import contextlib
import socket
import struct

from bgp_witness import BGP_PORT, ETHERNET, FRAME_MAX, HEADER, PACKET_STATISTICS, SO_RCVBUFFORCE, UPDATE, Flow
from packets import SOL_PACKET, socket_in

ETHERTYPE_IPV4, SO_TIMESTAMPNS = 0x0800, 35
BUFFER_BYTES = 512 << 20  # 100,000 packets of one UPDATE each need about half of it
END_OF_RIB = 4  # octets of the body, of IPv4: an UPDATE without anything (RFC 4724 section 2)

# UPDATEs without the End-of-RIB: their octets; when each was complete, by the wall clock.
Updates = collections.namedtuple("Updates", "octets times")


class Capture:
    """IPv4 packets that an interface receives while the with-block lasts. It has to begin a moment before what is
    measured: until the kernel notes times, a packet has the one at which it is read here."""

    def __init__(self, host, interface="eth0"):
        self.socket = socket_in(host.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
        with contextlib.ExitStack() as undo:
            undo.callback(self.socket.close)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.bind((interface, ETHERTYPE_IPV4))
            self.socket.setblocking(False)
            undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frames(self):
        """(when it came, by the wall clock; frame) of all that has arrived."""
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, ancillary, _, _ = self.socket.recvmsg(FRAME_MAX, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                yield seconds + nanoseconds / 1e9, frame
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert dropped == 0, f"{dropped} packets did not fit into the buffer of the capture"

    def updates(self, source):
        """What came from an address, over a session that was silent when the capture began."""
        return updates(self.frames(), source)


def updates(frames, source):
    flow, octets, times = None, 0, []
    for when, frame in frames:
        segment = segment_of(frame[ETHERNET:], source)
        if segment is None:
            continue
        sequence, data = segment
        flow = flow or Flow(sequence)
        flow.take(sequence, data)
        for kind, body in flow.messages():
            if kind == UPDATE and len(body) > END_OF_RIB:
                octets += HEADER + len(body)
                times.append(when)
    assert flow is None or not flow.early, "the capture lacks a part of the connection"
    return Updates(octets, times)


def segment_of(packet, source):
    """(sequence number, data) when it is one of a BGP session and comes from there."""
    if packet[9] != socket.IPPROTO_TCP or packet[12:16] != socket.inet_aton(source):
        return None
    segment = packet[4 * (packet[0] & 15):int.from_bytes(packet[2:4], "big")]
    from_port, to_port, sequence = struct.unpack("!HHI", segment[:8])
    data = segment[4 * (segment[12] >> 4):]
    return (sequence, data) if data and BGP_PORT in (from_port, to_port) else None
