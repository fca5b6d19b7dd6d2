"""Raw frames for the system tests: a socket on an interface of a namespace, ARP and NDP to send and to read.

Written from RFC 826 and RFC 4861 apart from the product's own codec, so that the two check each other.
"""
import ctypes
import os
import socket
import struct
import time

ARP, IPV6, ALL = 0x0806, 0x86DD, 0x0003
SOLICITATION, ADVERTISEMENT = 135, 136
ROUTER, SOLICITED, OVERRIDE = 0x80, 0x40, 0x20  # flags of an advertisement, RFC 4861 section 4.4
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
BROADCAST = b"\xff" * 6

libc = ctypes.CDLL(None, use_errno=True)


def socket_in(netns, *arguments):
    """A socket of the namespace, which stays there; the calling thread comes back."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/var/run/netns/{netns}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {netns}")
        return socket.socket(*arguments)
    finally:
        if libc.setns(here, CLONE_NEWNET) != 0:
            os._exit(70)  # in the wrong namespace nothing may go on
        os.close(here)
        os.close(there)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(raw):
    return ":".join(f"{byte:02x}" for byte in raw)


def v4(text):
    return socket.inet_pton(socket.AF_INET, text)


def v6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def solicited_node(target):
    """RFC 4291 section 2.7.1."""
    return v6("ff02::1:ff00:0")[:13] + v6(target)[13:]


def arp_frame(operation, sender_mac, sender, target_mac, target, destination=BROADCAST, tag=None):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + sender_mac + v4(sender) + target_mac + v4(target)
    tags = struct.pack("!HH", 0x8100, tag) if tag is not None else b""
    return (destination + sender_mac + tags + struct.pack("!H", ARP) + body).ljust(60, b"\0")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def icmpv6_sum(source, destination, body):
    return checksum(source + destination + struct.pack("!I3xB", len(body), 58) + body)


def ndp_frame(source_mac, source, target, destination_mac=None, destination=None, kind=SOLICITATION, flags=0,
              link_layer=True, tag=None, hop_limit=255):
    """A solicitation, by default to the solicited-node group; or an advertisement."""
    destination = v6(destination) if destination else solicited_node(target)
    destination_mac = destination_mac or b"\x33\x33" + destination[12:]
    option = struct.pack("!BB", 1 if kind == SOLICITATION else 2, 1) + source_mac if link_layer else b""
    body = struct.pack("!BBHB3x", kind, 0, 0, flags) + v6(target) + option
    body = body[:2] + struct.pack("!H", icmpv6_sum(v6(source), destination, body)) + body[4:]
    packet = struct.pack("!IHBB", 6 << 28, len(body), 58, hop_limit) + v6(source) + destination + body
    tags = struct.pack("!HH", 0x8100, tag) if tag is not None else b""
    return destination_mac + source_mac + tags + struct.pack("!H", IPV6) + packet


class Arp:
    def __init__(self, frame):
        self.destination, self.source = mac_text(frame[0:6]), mac_text(frame[6:12])
        self.operation, = struct.unpack("!H", frame[20:22])
        self.sender_mac, self.sender = mac_text(frame[22:28]), socket.inet_ntop(socket.AF_INET, frame[28:32])
        self.target_mac, self.target = mac_text(frame[32:38]), socket.inet_ntop(socket.AF_INET, frame[38:42])


class Ndp:
    """A solicitation or an advertisement; `valid` is what RFC 4861 section 7.1 demands of both."""

    def __init__(self, frame):
        self.mac_destination, self.mac_source = mac_text(frame[0:6]), mac_text(frame[6:12])
        length, next_header, hop_limit = struct.unpack("!HBB", frame[18:22])
        source, destination, body = frame[22:38], frame[38:54], frame[54:54 + length]
        self.source = socket.inet_ntop(socket.AF_INET6, source)
        self.destination = socket.inet_ntop(socket.AF_INET6, destination)
        self.kind, self.flags = body[0], body[4]
        self.target = socket.inet_ntop(socket.AF_INET6, body[8:24])
        self.link_layer = None
        options = body[24:]
        while len(options) >= 8 and options[1]:
            if options[0] in (1, 2):
                self.link_layer = mac_text(options[2:8])
            options = options[8 * options[1]:]
        self.valid = hop_limit == 255 and next_header == 58 and icmpv6_sum(source, destination, body) == 0


class Wire:
    """All frames that an interface receives, and raw frames out of it."""

    def __init__(self, host, interface="eth0"):
        self.interface = interface
        self.socket = socket_in(host.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
        host.lab.sockets.append(self.socket)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((interface, ALL))
        self.mac = self.socket.getsockname()[4]

    def send(self, frame):
        self.socket.send(frame)

    def frames(self, timeout):
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                yield self.socket.recv(4096)
            except TimeoutError:
                return

    def messages(self, timeout):
        """ARP and neighbour-discovery messages as they come, until the time is up."""
        for frame in self.frames(timeout):
            ethertype, = struct.unpack("!H", frame[12:14])
            if ethertype == ARP:
                yield Arp(frame)
            elif ethertype == IPV6 and frame[20] == 58 and frame[54] in (SOLICITATION, ADVERTISEMENT):
                yield Ndp(frame)

    def wait_for(self, what, wanted, timeout=8.0):
        """The first message for which wanted() is true."""
        seen = []
        for message in self.messages(timeout):
            if wanted(message):
                return message
            seen.append(vars(message))
        raise AssertionError(f"waited {timeout} s in vain for {what} on {self.interface}; seen: {seen}")

    def drain(self):
        """Throws away what has arrived so far."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass

    def ask_arp(self, address, sender="0.0.0.0", **options):
        self.send(arp_frame(1, self.mac, sender, b"\0" * 6, address, **options))

    def ask_ndp(self, address, source, **options):
        self.send(ndp_frame(self.mac, source, address, **options))


def is_arp_answer(address, to=None):
    """A reply in which `address` is said to be at the sender; `to`: the asker's address."""
    return lambda m: isinstance(m, Arp) and m.operation == 2 and m.sender == address and (to is None or m.target == to)


def is_advertisement(target, solicited=None):
    return lambda m: (isinstance(m, Ndp) and m.kind == ADVERTISEMENT and m.target == target
                      and (solicited is None or bool(m.flags & SOLICITED) == solicited))
