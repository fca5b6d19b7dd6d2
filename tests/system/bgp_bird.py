"""BIRD 2 as a router; also the one that announces where the tests need an announcer that is not lbd."""
import re

from bird_control import Control
from bgp_peer import (ESTABLISHED, FAMILIES, Attributes, Peer, canonical, canonical_prefix, community_text,
                      find_program)

CAPABILITIES = {"Route refresh": "route_refresh", "Enhanced refresh": "enhanced_route_refresh",
                "Extended message": "extended_message", "4-octet AS numbers": "as4",
                "Graceful restart": "graceful_restart", "Extended next hop": "extended_next_hop"}
STATES = {"OpenSent": "open_sent", "OpenConfirm": "open_confirm"}
ROUTE = re.compile(r"^(?P<prefix>\S+)?\s+(?P<kind>[a-z]+) \[(?P<protocol>\S+) [^]]*\] (?P<best>\* )?")
EXTENDED = re.compile(r"\((\w+), ?([^,)]+), ?([^)]+)\)")
PAIR, TRIPLE = re.compile(r"\((\d+),(\d+)\)"), re.compile(r"\((\d+), (\d+), (\d+)\)")


class Bird(Peer):
    software = "BIRD"
    lacks = {"bfd_echo": "BIRD has no echo function",
             "unnumbered": "BIRD 2.0 needs the neighbour's link-local address"}

    def find(self):
        self.program = find_program("bird", "usr/sbin", package="bird2")

    # ---- configuration --------------------------------------------------------------------------
    def session_name(self, neighbour):
        for number, each in enumerate(self.settings.neighbours):
            if each.address == neighbour:
                return f"session{number}"
        raise KeyError(neighbour)

    def configuration(self):
        settings = self.settings
        parts = [f'log "{self.dir}/bird.log" all;\nrouter id {settings.router_id};\n'
                 "debug protocols { states, events };\n"
                 "protocol device { }\nprotocol direct { ipv4; ipv6; }\n"]
        parts += [self.kernel(family) for family in FAMILIES]
        parts += [self.originated(family) for family in FAMILIES]
        bfd = [each.bfd for each in settings.neighbours if each.bfd]
        if bfd:
            parts.append(bfd_protocol(bfd[0]))
        parts += [advertisements(each.interface) for each in settings.neighbours if each.interface]
        parts += [self.session(f"session{n}", each) for n, each in enumerate(settings.neighbours)]
        return "".join(parts)

    def kernel(self, family):
        """Its routes resolve next hops behind another router."""
        export = "export where source = RTS_BGP;" if self.settings.kernel else ""
        return (f"protocol kernel kernel_{family} {{ learn; merge paths on; "
                f"{family} {{ import all; {export} }}; }}\n")

    def originated(self, family):
        routes = "".join(f" route {canonical_prefix(prefix)} unreachable;\n" for prefix in self.settings.routes
                         if (":" in prefix) == (family == "ipv6"))
        return f"protocol static originated_{family} {{\n {family};\n{routes}}}\n"

    def session(self, name, neighbour):
        local, there = f"local {neighbour.local_address}", neighbour.address
        if neighbour.interface:
            local, there = "local", f"{there}%'{neighbour.interface}'"
        if "/" in there:
            there = f"range {there}"
        lines = [f"{local} as {neighbour.local_asn}", f"neighbor {there} as {neighbour.asn}",
                 f"hold time {neighbour.hold_time}", f"keepalive time {neighbour.keepalive}",
                 "connect delay time 0", "connect retry time 1", "error wait time 1, 2",
                 f"multihop {neighbour.multihop}" if neighbour.multihop else "direct",
                 f"graceful restart {'on' if neighbour.graceful_restart else 'off'}",
                 f"graceful restart time {neighbour.restart_time}", "long lived graceful restart off"]
        if neighbour.password:
            lines.append(f'password "{neighbour.password}"')
        if neighbour.ttl_security:
            lines.append("ttl security on")
        if neighbour.passive:
            lines.append("passive on")
        if neighbour.bfd:
            lines.append("bfd on")
        if neighbour.role:
            lines += [f"local role {neighbour.role}", "require roles on"]
        channels = "".join(self.channel(family, neighbour) for family in neighbour.families)
        return f"protocol bgp {name} {{\n" + "".join(f" {line};\n" for line in lines) + channels + "}\n"

    def channel(self, family, neighbour):
        lines = ["import all", f"export filter {{ {self.export_filter()} }}"]
        if neighbour.maximum_prefixes is not None:
            lines.append(f"receive limit {neighbour.maximum_prefixes} action disable")
        if neighbour.extended_next_hop and family == "ipv4":
            lines.append("extended next hop on")
        if neighbour.next_hop_ipv6 and family == "ipv6":
            lines.append(f"next hop address {neighbour.next_hop_ipv6}")
        return f" {family} {{\n" + "".join(f"  {line};\n" for line in lines) + " };\n"

    def export_filter(self):
        """Only what the settings name, with the attributes that they name."""
        wanted = self.settings.attributes
        lines = ["if source != RTS_STATIC then reject"]
        lines += [f"bgp_community.add(({value.replace(':', ',')}))" for value in sorted(wanted.communities)]
        lines += [f"bgp_large_community.add(({value.replace(':', ',')}))" for value in sorted(wanted.large_communities)]
        lines += [f"bgp_ext_community.add(({value.replace('soo', 'ro').replace(':', ',')}))"
                  for value in sorted(wanted.extended_communities)]
        lines += [f"bgp_path.prepend({asn})" for asn in reversed(wanted.as_path)]
        if wanted.med is not None:
            lines.append(f"bgp_med = {wanted.med}")
        if wanted.local_pref is not None:
            lines.append(f"bgp_local_pref = {wanted.local_pref}")
        return "; ".join([*lines, "accept"]) + ";"

    # ---- processes ------------------------------------------------------------------------------
    def launch(self, *flags):
        self.control = self.dir / "control"
        self.control.unlink(missing_ok=True)
        configuration = self.write("bird.conf", self.configuration())
        self.spawn(self.program, "-f", "-c", configuration, "-s", self.control, "-P", self.dir / "pid", *flags)

    def recover(self):
        """Starts again as the restarting side of RFC 4724."""
        self.launch("-R")

    def reconfigure(self, settings):
        """New settings in the running process; sessions whose parameters stay are not reset."""
        self.settings = settings
        self.write("bird.conf", self.configuration())
        answer = self.ask("configure")
        assert any(line.startswith("Reconfigur") for line in answer), answer

    def ready(self):
        return self.control.exists() and bool(self.ask("show status"))

    def ask(self, command):
        """Lines of the answer; none while it does not listen."""
        try:
            control = Control(self.control)
        except (ConnectionError, FileNotFoundError):
            return []
        with control:
            return control.ask(command)

    # ---- what it tells --------------------------------------------------------------------------
    def details(self, neighbour):
        return self.ask(f"show protocols all {self.session_name(neighbour)}")

    def field(self, neighbour, name):
        for line in self.details(neighbour):
            if line.strip().startswith(name + ":"):
                return line.partition(":")[2].strip()
        return None

    def session_state(self, neighbour):
        state = self.field(neighbour, "BGP state") or "idle"
        return STATES.get(state, state.lower())

    def session_mark(self, neighbour):
        """How often it came up. BIRD's own "since" is computed from two clocks, and wavers."""
        if self.session_state(neighbour) != ESTABLISHED:
            return None
        log = (self.dir / "bird.log").read_text()
        return log.count(f"{self.session_name(neighbour)}: BGP session established")

    def offered(self, neighbour):
        """The lines about the neighbour's capabilities."""
        lines = [line.strip() for line in self.details(neighbour)]
        if "Neighbor capabilities" not in lines:
            return []
        lines = lines[lines.index("Neighbor capabilities") + 1:]
        end = next((n for n, line in enumerate(lines) if line.startswith("Session:")), len(lines))
        return lines[:end]

    def capabilities(self, neighbour):
        found = set()
        for line in self.offered(neighbour):
            if line.startswith("AF announced:"):
                found |= set(line.partition(":")[2].split()) & set(FAMILIES)
            elif line in CAPABILITIES:
                found.add(CAPABILITIES[line])
        return found

    def restart_flags(self, neighbour):
        lines = self.offered(neighbour)
        kept = next((line.partition(":")[2] for line in lines if line.startswith("AF preserved:")), "")
        return "Restart recovery" in lines, set(kept.split())

    def hold_time(self, neighbour):
        return int(float(self.field(neighbour, "Hold timer").partition("/")[2]))

    def updates_received(self, neighbour):
        return sum(int(line.split()[2]) for line in self.details(neighbour)
                   if line.strip().startswith(("Import updates:", "Import withdraws:")))

    def bfd_state(self, neighbour):
        for line in self.ask("show bfd sessions"):
            words = line.split()
            if words and words[0] == neighbour:
                return words[2].lower()
        return None

    def bfd_timers(self, neighbour):
        """(interval of its packets, detection time) in seconds, as agreed on; None while BFD is not up."""
        for line in self.ask("show bfd sessions"):
            words = line.split()
            if words and words[0] == neighbour and words[2] == "Up":
                return float(words[-2]), float(words[-1])
        return None

    def request_route_refresh(self, neighbour):
        self.ask(f"reload in {self.session_name(neighbour)}")

    def retry(self, neighbour):
        name = self.session_name(neighbour)
        self.ask(f"enable {name}")
        if self.session_state(neighbour) != ESTABLISHED:
            self.ask(f"restart {name}")

    def table(self, family):
        table = "master4" if family == "ipv4" else "master6"
        found, prefix, fields = {}, None, None
        for line in self.ask(f"show route all table {table}"):
            if match := ROUTE.match(line):
                prefix = match["prefix"] or prefix
                wanted = match["protocol"].startswith("session") and match["best"]
                fields = found.setdefault(canonical_prefix(prefix), {}) if wanted else None
            elif fields is not None and line.strip().startswith("BGP."):
                name, _, value = line.strip()[4:].partition(":")
                fields[name] = value.strip()
        return {each: attributes(values) for each, values in found.items()}


def bfd_protocol(bfd):
    timers = (f"min rx interval {bfd.receive_ms} ms; min tx interval {bfd.transmit_ms} ms; "
              f"multiplier {bfd.multiplier};")
    return f'protocol bfd {{ interface "*" {{ {timers} }}; multihop {{ {timers} }}; }}\n'


def advertisements(interface):
    """Router advertisements, by which the other end of an unnumbered session finds this one."""
    return f'protocol radv {{ interface "{interface}" {{ min ra interval 3; max ra interval 4; }}; }}\n'


def number(fields, name):
    return int(fields[name]) if name in fields else None


def attributes(fields):
    hops = [canonical(hop) for hop in fields.get("next_hop", "").split()]
    hops = [hop for hop in hops if hop != "::"] or [None]
    return Attributes(
        next_hop=hops[0], as_path=tuple(int(asn) for asn in fields.get("as_path", "").split()),
        origin=fields.get("origin", "").lower(), med=number(fields, "med"), local_pref=number(fields, "local_pref"),
        only_to_customer=number(fields, "otc"),
        communities=frozenset(community_text(":".join(pair)) for pair in PAIR.findall(fields.get("community", ""))),
        large_communities=frozenset(":".join(each) for each in TRIPLE.findall(fields.get("large_community", ""))),
        extended_communities=frozenset(f"{'soo' if kind == 'ro' else kind}:{one}:{two}"
                                       for kind, one, two in EXTENDED.findall(fields.get("ext_community", ""))))
