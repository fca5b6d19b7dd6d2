"""ExaBGP as a router. It keeps no table: what it hears, as JSON, is made into one here."""
import json
import os
import pathlib
import sys

from bgp_peer import ESTABLISHED, FAMILIES, UNPACKED, Attributes, Peer, canonical, canonical_prefix, community_text
from harness import Skip

LOADED = "loaded new configuration successfully"
PACKAGES = "usr/lib/python3/dist-packages"
LINK = pathlib.Path(__file__).resolve().parent / "exabgp_link.py"
CODES = {"2": "route_refresh", "5": "extended_next_hop", "6": "extended_message", "64": "graceful_restart", "65": "as4",
         "70": "enhanced_route_refresh"}
EXTENDED = {"target": "rt", "origin": "soo"}


class Exabgp(Peer):
    software = "ExaBGP"
    lacks = {
        "bfd": "ExaBGP has no BFD",
        "bfd_echo": "ExaBGP has no BFD",
        "role": "ExaBGP has no RFC 9234",
        "graceful_restart": "ExaBGP keeps no table, so it has nothing to hold over a restart",
        "ttl_security": "ExaBGP sets the minimum TTL by a constant that this Python does not have, and goes on without",
        "maximum_prefixes": "ExaBGP limits no prefixes",
        "unnumbered": "ExaBGP knows neighbours by address",
    }

    def find(self):
        places = [UNPACKED / PACKAGES, pathlib.Path("/") / PACKAGES]
        self.path = next((str(place) for place in places if (place / "exabgp").is_dir()), None)
        if self.path is None:
            raise Skip("exabgp is missing: './dev test' fetches it (Debian package python3-exabgp)")

    # ---- configuration --------------------------------------------------------------------------
    def configuration(self):
        link = f"{sys.executable} {LINK} {self.heard} {self.commands}"
        process = f"process link {{\n run {link};\n encoder json;\n}}\n"
        return process + "".join(map(self.session, self.settings.neighbours))

    def session(self, each):
        lines = [f"router-id {self.settings.router_id}", f"local-address {each.local_address}",
                 f"local-as {each.local_asn}", f"peer-as {each.asn}", f"hold-time {each.hold_time}"]
        # One or the other: when both ends connect at a time, ExaBGP may stumble over an OPEN that it does not have yet
        # ("'NoneType' object has no attribute 'router_id'") and refuses every later connection.
        lines += ["passive true", "listen 179"] if each.passive else ["connect 179"]
        if each.password:
            lines += [f'md5-password "{each.password}"', "md5-base64 false"]
        ttl = 255 if each.ttl_security else each.multihop
        if ttl:
            lines.append(f"outgoing-ttl {ttl}")
        if each.ttl_security:
            lines.append("incoming-ttl 255")
        families = "".join(f"  {family} unicast;\n" for family in each.families)
        capability = ["route-refresh enable"]
        if each.graceful_restart:
            capability.append(f"graceful-restart {each.restart_time}")
        next_hop = ""
        if each.extended_next_hop:
            capability.append("nexthop enable")
            next_hop = " nexthop {\n  ipv4 unicast ipv6;\n }\n"
        # "self" is good for routes of the transport's family only.
        hop = {False: "self", True: each.next_hop_ipv6 or "self"}  # whether the prefix is an IPv6 one
        routes = "".join(f"  route {prefix} next-hop {hop[':' in prefix]};\n" for prefix in self.settings.routes)
        return (f"neighbor {each.address} {{\n" + "".join(f" {line};\n" for line in lines)
                + f" family {{\n{families} }}\n capability {{\n" + "".join(f"  {line};\n" for line in capability)
                + f" }}\n{next_hop} static {{\n{routes} }}\n api {{\n  processes [ link ];\n  neighbor-changes;\n"
                "  receive {\n   parsed;\n   open;\n   update;\n   notification;\n  }\n }\n}\n")

    # ---- processes ------------------------------------------------------------------------------
    def launch(self):
        self.heard, self.commands = self.dir / "heard.json", self.dir / "commands"
        self.heard.write_text("")
        self.lines = Heard(self.heard)
        log = self.dir / "daemon.log"
        self.starts = log.read_text().count(LOADED) if log.exists() else 0
        if not self.commands.exists():
            os.mkfifo(self.commands)
        file = self.write("exabgp.conf", self.configuration())
        environment = {"exabgp.daemon.user": "root", "exabgp.daemon.drop": "false", "exabgp.cache.attributes": "false",
                       "exabgp.api.cli": "false", "exabgp.api.ack": "false", "exabgp.log.level": "INFO",
                       "exabgp.log.destination": "stdout", "exabgp.log.short": "true", "PYTHONUNBUFFERED": "1",
                       "exabgp.tcp.delay": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        self.spawn(sys.executable, "-m", "exabgp", file, env={**environment, "PYTHONPATH": self.path})

    def ready(self):
        return (self.dir / "daemon.log").read_text().count(LOADED) > self.starts

    def command(self, text):
        descriptor = os.open(self.commands, os.O_WRONLY | os.O_NONBLOCK)  # fails when nobody reads
        try:
            os.write(descriptor, text.encode() + b"\n")
        finally:
            os.close(descriptor)

    # ---- what it tells --------------------------------------------------------------------------
    def of(self, neighbour):
        """What was heard of one neighbour, since the start."""
        self.lines.read()
        return self.lines.neighbours.setdefault(neighbour, Session())

    def session_state(self, neighbour):
        return self.of(neighbour).state

    def session_mark(self, neighbour):
        session = self.of(neighbour)
        return session.ups if session.state == ESTABLISHED else None

    def capabilities(self, neighbour):
        return self.of(neighbour).capabilities

    def hold_time(self, neighbour):
        ours = next(each.hold_time for each in self.settings.neighbours if each.address == neighbour)
        return min(ours, self.of(neighbour).hold_time)  # RFC 4271 section 4.2

    def updates_received(self, neighbour):
        return self.of(neighbour).updates

    def request_route_refresh(self, neighbour):
        for family in FAMILIES:
            self.command(f"neighbor {neighbour} announce route-refresh {family} unicast")

    def retry(self, neighbour):
        """It tries by itself, and accepts at any time."""

    def table(self, family):
        found = {}
        for each in self.settings.neighbours:
            found.update(self.of(each.address).routes[family])
        return found


class Session:
    """One neighbour as ExaBGP tells of it."""

    def __init__(self):
        self.state, self.ups, self.updates, self.hold_time = "idle", 0, 0, 0
        self.capabilities, self.routes = set(), {family: {} for family in FAMILIES}

    def hear(self, message):
        kind, neighbour = message["type"], message["neighbor"]
        if kind == "state":
            self.on_state(neighbour["state"])
        elif kind == "open" and neighbour.get("direction") == "receive":
            self.on_open(neighbour["open"])
        elif kind == "update" and "update" in neighbour.get("message", {}):
            self.on_update(neighbour["message"]["update"])

    def on_state(self, state):
        if state == "up":
            self.state, self.ups = ESTABLISHED, self.ups + 1
        elif state == "connected":
            self.state = "connect"
        else:
            self.state, self.routes = "idle", {family: {} for family in FAMILIES}

    def on_open(self, message):
        self.hold_time, self.capabilities = int(message["hold_time"]), set()
        for code, capability in message["capabilities"].items():
            if code == "1":
                self.capabilities |= {each.split("/")[0] for each in capability["families"]}
            elif code in CODES:
                self.capabilities.add(CODES[code])

    def on_update(self, update):
        self.updates += 1
        for name, prefixes in update.get("withdraw", {}).items():
            for each in prefixes:
                self.routes[name.split()[0]].pop(canonical_prefix(each["nlri"]), None)
        for name, hops in update.get("announce", {}).items():
            # A global and a link-local next hop of the same routes come as two: the global one is to stay.
            for hop in sorted(hops, key=lambda hop: not hop.startswith("fe80:")):
                route = attributes(update.get("attribute", {}), hop)
                for each in hops[hop]:
                    self.routes[name.split()[0]][canonical_prefix(each["nlri"])] = route


class Heard:
    """The file that the link writes, read on from where the last reading ended."""

    def __init__(self, path):
        self.path, self.offset, self.neighbours = path, 0, {}

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # half a line
                self.offset += len(line)
                message = json.loads(line)
                peer = message.get("neighbor", {}).get("address", {}).get("peer")
                if peer:
                    self.neighbours.setdefault(peer, Session()).hear(message)


def attributes(fields, next_hop):
    return Attributes(
        next_hop=canonical(next_hop.split()[0]), as_path=as_path(fields.get("as-path", [])),
        origin=fields.get("origin", ""), med=fields.get("med"), local_pref=fields.get("local-preference"),
        communities=frozenset(community_text(joined(each)) for each in fields.get("community", [])),
        large_communities=frozenset(joined(each) for each in fields.get("large-community", [])),
        extended_communities=frozenset(extended_text(each["string"]) for each in fields.get("extended-community", [])))


def as_path(said):
    """A list of numbers, or of segments."""
    if isinstance(said, dict):
        said = [asn for segment in said.values() for asn in segment["value"]]
    return tuple(said)


def joined(parts):
    return parts if isinstance(parts, str) else ":".join(map(str, parts))


def extended_text(text):
    kind, _, value = text.partition(":")
    return f"{EXTENDED.get(kind, kind)}:{value}"
