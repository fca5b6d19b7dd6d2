"""A reader of BGP's UPDATE messages, for those that count what lbd sends.

Written from RFC 4271, 4760, 2545, 1997, 4360, 8092 and 9234 apart from the product's own codec, so that the two check
each other. Strict: what it does not know, or a peer would have to forgive, is an error. AS numbers have four octets.
"""
import dataclasses
import ipaddress
import struct

from bgp_peer import Attributes

MESSAGE_MAX = 4096  # RFC 4271 section 4
EXTENDED_LENGTH = 0x10
WELL_KNOWN, OPTIONAL, OPTIONAL_TRANSITIVE = 0x40, 0x80, 0xC0  # flags, RFC 4271 section 4.3
ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITIES = 1, 2, 3, 4, 5, 8
MP_REACH, MP_UNREACH, EXTENDED_COMMUNITIES, LARGE_COMMUNITIES, ONLY_TO_CUSTOMER = 14, 15, 16, 32, 35
FLAGS = {ORIGIN: WELL_KNOWN, AS_PATH: WELL_KNOWN, NEXT_HOP: WELL_KNOWN, MED: OPTIONAL, LOCAL_PREF: WELL_KNOWN,
         COMMUNITIES: OPTIONAL_TRANSITIVE, MP_REACH: OPTIONAL, MP_UNREACH: OPTIONAL,
         EXTENDED_COMMUNITIES: OPTIONAL_TRANSITIVE, LARGE_COMMUNITIES: OPTIONAL_TRANSITIVE,
         ONLY_TO_CUSTOMER: OPTIONAL_TRANSITIVE}
ADDRESS_SIZE = {1: 4, 2: 16}  # by AFI
UNICAST = 1
AS_SEQUENCE = 2
ORIGINS = ("igp", "egp", "incomplete")
EXTENDED_KINDS = {2: "rt", 3: "soo"}  # by subtype, RFC 4360 sections 4 and 5
EXTENDED_FORMS = {0: "!HI", 2: "!IH"}  # by type: AS of two octets, of four (RFC 5668)


@dataclasses.dataclass(frozen=True)
class Update:
    """Prefixes as text, those of a message in its order."""
    announced: tuple = ()
    withdrawn: tuple = ()
    attributes: Attributes | None = None  # of what is announced
    end_of_rib: str = ""                  # a family, RFC 4724 section 2
    size: int = 0                         # of the whole message


class Malformed(AssertionError):
    pass


def need(condition, what):
    if not condition:
        raise Malformed(f"malformed UPDATE: {what}")


class Reader:
    """Bytes that are taken from the front."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    @property
    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        need(size <= self.left, f"{size} bytes wanted, {self.left} left")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def part(self, size):
        return Reader(self.take(size))

    def rest(self):
        return self.take(self.left)

    def numbers(self, form):
        """All that is left as tuples of this form."""
        need(self.left % struct.calcsize(form) == 0, f"{self.left} bytes are no list of {form}")
        return list(struct.iter_unpack(form, self.rest()))


def read_update(body):
    """The Update of a message, without its header of 19 bytes. Raises Malformed."""
    reader = Reader(body)
    withdrawn = read_prefixes(reader.part(reader.number(2)), 4)
    values = read_values(reader.part(reader.number(2)))
    announced = read_prefixes(reader, 4)
    hop = values.pop(NEXT_HOP, None)
    if hop is not None:
        need(len(hop) == 4 and announced, "NEXT_HOP without routes of IPv4")
    update = {"size": len(body) + 19}
    if reach := values.pop(MP_REACH, None):
        need(hop is None and not announced, "routes of two families")
        hop, announced = read_reach(Reader(reach))
    if unreach := values.pop(MP_UNREACH, None):
        need(not values and not announced and not withdrawn, "MP_UNREACH_NLRI beside something else")
        afi, withdrawn = read_unreach(Reader(unreach))
        if not withdrawn:
            update["end_of_rib"] = "ipv4" if afi == 1 else "ipv6"
    elif len(body) == 4:
        update["end_of_rib"] = "ipv4"
    need(bool(announced) + bool(withdrawn) + ("end_of_rib" in update) == 1, "not one thing that it says")
    if announced:
        update["attributes"] = read_attributes(values, hop)
    else:
        need(not values, "attributes without routes")
    return Update(announced=announced, withdrawn=withdrawn, **update)


def read_values(reader):
    """{type: bytes of the value}"""
    values = {}
    while reader.left:
        flags, kind = reader.number(1), reader.number(1)
        need(kind in FLAGS, f"attribute {kind}")
        need(flags & ~EXTENDED_LENGTH == FLAGS[kind], f"flags {flags:#x} of attribute {kind}")
        need(kind not in values, f"attribute {kind} twice")
        values[kind] = reader.take(reader.number(2 if flags & EXTENDED_LENGTH else 1))
    return values


def read_prefixes(reader, address_size):
    prefixes = []
    while reader.left:
        length = reader.number(1)
        need(length <= 8 * address_size, f"a prefix of {length} bits")
        address = reader.take((length + 7) // 8).ljust(address_size, b"\0")
        prefixes.append(str(ipaddress.ip_network((address, length))))  # refuses bits behind the length
    return tuple(prefixes)


def read_family(reader):
    afi, safi = reader.number(2), reader.number(1)
    need(afi in ADDRESS_SIZE and safi == UNICAST, f"AFI {afi}, SAFI {safi}")
    return afi


def read_reach(reader):
    """(bytes of the next hop, prefixes): RFC 4760 section 3."""
    afi = read_family(reader)
    hop = reader.take(reader.number(1))
    need(len(hop) in (16, 32), f"a next hop of {len(hop)} bytes")  # RFC 2545 section 3, RFC 8950
    need(reader.number(1) == 0, "the reserved octet")
    prefixes = read_prefixes(reader, ADDRESS_SIZE[afi])
    need(prefixes, "MP_REACH_NLRI without routes")
    return hop, prefixes


def read_unreach(reader):
    afi = read_family(reader)
    return afi, read_prefixes(reader, ADDRESS_SIZE[afi])


def read_attributes(values, hop):
    need(hop is not None and {ORIGIN, AS_PATH} <= values.keys(), "a mandatory attribute is missing")
    origin = int.from_bytes(values[ORIGIN], "big")
    need(len(values[ORIGIN]) == 1 and origin < len(ORIGINS), "ORIGIN")
    return Attributes(
        next_hop=str(ipaddress.ip_address(hop[:16])), origin=ORIGINS[origin],
        as_path=read_path(Reader(values[AS_PATH])), med=read_number(values, MED),
        local_pref=read_number(values, LOCAL_PREF), only_to_customer=read_number(values, ONLY_TO_CUSTOMER),
        communities=read_list(values, COMMUNITIES, "!HH"),
        large_communities=read_list(values, LARGE_COMMUNITIES, "!III"),
        extended_communities=frozenset(extended_text(each) for (each,) in
                                       Reader(values.get(EXTENDED_COMMUNITIES, b"")).numbers("8s")))


def read_path(reader):
    path = []
    while reader.left:
        kind, count = reader.number(1), reader.number(1)
        need(kind == AS_SEQUENCE and count, f"a segment of type {kind} with {count} AS numbers")
        path += [asn for (asn,) in reader.part(4 * count).numbers("!I")]
    return tuple(path)


def read_number(values, kind):
    if kind not in values:
        return None
    need(len(values[kind]) == 4, f"length of attribute {kind}")
    return int.from_bytes(values[kind], "big")


def read_list(values, kind, form):
    items = Reader(values.get(kind, b"")).numbers(form)
    need(bool(items) == (kind in values) and len(items) == len(set(items)), f"list of attribute {kind}")
    return frozenset(":".join(map(str, item)) for item in items)


def extended_text(octets):
    kind, subtype = octets[:2]
    need(kind in EXTENDED_FORMS and subtype in EXTENDED_KINDS, f"extended community {octets.hex()}")
    return f"{EXTENDED_KINDS[subtype]}:" + ":".join(map(str, struct.unpack(EXTENDED_FORMS[kind], octets[2:])))


def encoded_size(prefix):
    """Bytes of a prefix in a message."""
    return 1 + (int(prefix.rpartition("/")[2]) + 7) // 8
