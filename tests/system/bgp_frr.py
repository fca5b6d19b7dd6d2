"""FRR as a router: zebra, bgpd and, where BFD is asked for, bfdd."""
import json
import re
import socket

import private_mounts
from bgp_peer import Attributes, Peer, canonical, canonical_prefix, community_text, find_program, unpacked_libraries
from harness import wait_for

STATES = {"OpenSent": "open_sent", "OpenConfirm": "open_confirm"}
AFI = {"ipv4": "ipv4Unicast", "ipv6": "ipv6Unicast"}
CAPABILITIES = {"4byteAs": "as4", "extendedMessage": "extended_message", "extendedNexthop": "extended_next_hop",
                "routeRefresh": "route_refresh", "enhancedRouteRefresh": "enhanced_route_refresh",
                "gracefulRestart": "graceful_restart", "gracefulRestartCapability": "graceful_restart"}
EXTENDED = {"RT": "rt", "SoO": "soo"}


class Frr(Peer):
    software = "FRR"

    def find(self):
        self.programs = {name: find_program(name, "usr/lib/frr", package="frr") for name in ("zebra", "bgpd", "bfdd")}
        # The names are compiled in: it looks the groups up even when it shall run as root.
        pairs = private_mounts.account_files(
            self.dir, users=("frr:x:64101:64101::/nonexistent:/usr/sbin/nologin",),
            groups=("frr:x:64101:root", "frrvty:x:64102:root,frr"))
        temporary = self.dir / "tmp"  # it makes /var/tmp/frr for crash reports
        temporary.mkdir(exist_ok=True)
        self.wrapper = private_mounts.bound([*pairs, (temporary, "/var/tmp")])
        self.environment = unpacked_libraries("usr/lib/*/frr")

    # ---- configuration --------------------------------------------------------------------------
    def configuration(self):
        settings = self.settings
        lines = ["frr defaults datacenter", f"log file {self.dir}/bgpd-frr.log", f"router bgp {settings.asn}",
                 f" bgp router-id {settings.router_id}", " no bgp ebgp-requires-policy",
                 " no bgp default ipv4-unicast", " no bgp network import-check"]
        for each in settings.neighbours:
            lines += session(each, settings.asn)
        for family in ("ipv4", "ipv6"):
            lines.append(f" address-family {family} unicast")
            lines.append("  maximum-paths 16")
            lines += [f"  network {prefix}" for prefix in settings.routes if (":" in prefix) == (family == "ipv6")]
            for each in settings.neighbours:
                if family in each.families:
                    lines.append(f"  neighbor {each.address} activate")
                    if each.maximum_prefixes is not None:
                        lines.append(f"  neighbor {each.address} maximum-prefix {each.maximum_prefixes}")
            lines.append(" exit-address-family")
        return "\n".join(lines) + "\n"

    def bfd_configuration(self, bfd):
        echo = (f"  echo-mode\n  echo receive-interval {bfd.echo_ms}\n  echo transmit-interval {bfd.echo_ms}\n"
                if bfd.echo_ms else "")
        return (f"bfd\n profile fast\n  detect-multiplier {bfd.multiplier}\n  transmit-interval {bfd.transmit_ms}\n"
                f"  receive-interval {bfd.receive_ms}\n{echo} exit\n")

    # ---- processes ------------------------------------------------------------------------------
    def launch(self):
        timers = [each.bfd for each in self.settings.neighbours if each.bfd]
        zebra = f"log file {self.dir}/zebra-frr.log\nip nht resolve-via-default\nipv6 nht resolve-via-default\n"
        self.daemon("zebra", zebra)
        self.wait_for_file(self.dir / "zebra.vty")
        if timers:
            self.daemon("bfdd", self.bfd_configuration(timers[0]), "--bfdctl", self.dir / "bfdd.sock")
            self.wait_for_file(self.dir / "bfdd.vty")
        self.daemon("bgpd", self.configuration())

    def daemon(self, name, configuration, *flags):
        (self.dir / f"{name}.vty").unlink(missing_ok=True)
        file = self.write(f"{name}.conf", configuration)
        self.spawn(self.programs[name], "-u", "root", "-g", "root", "-f", file, "-i", self.dir / f"{name}.pid",
                   "-z", self.dir / "zserv.api", "--vty_socket", self.dir, "-P", "0", *flags,
                   name=name, wrapper=self.wrapper, env=self.environment)

    def wait_for_file(self, path):
        wait_for(f"{path} to appear", path.exists)

    def ready(self):
        return bool(self.ask("show version"))

    def ask(self, *commands, daemon="bgpd"):
        """What the last of the commands answered. As vtysh speaks: text up to three zeros and a status."""
        answer = b""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            try:
                connection.connect(str(self.dir / f"{daemon}.vty"))
            except OSError:
                return ""
            for command in ("enable", *commands):
                connection.sendall(command.encode() + b"\0")
                answer = b""
                while answer[-4:-1] != b"\0\0\0":
                    chunk = connection.recv(65536)
                    if not chunk:
                        return ""
                    answer += chunk
        return answer[:-4].decode()

    def ask_json(self, command, daemon="bgpd"):
        return json.loads(self.ask(command, daemon=daemon) or "{}")

    # ---- what it tells --------------------------------------------------------------------------
    def details(self, neighbour):
        return self.ask_json(f"show bgp neighbors {neighbour} json")[neighbour]

    def session_state(self, neighbour):
        state = self.details(neighbour).get("bgpState", "Idle")
        return STATES.get(state, state.lower())

    def session_mark(self, neighbour):
        details = self.details(neighbour)
        return details["connectionsEstablished"] if details.get("bgpState") == "Established" else None

    def capabilities(self, neighbour):
        theirs = self.details(neighbour).get("neighborCapabilities", {})
        found = {word for name, word in CAPABILITIES.items() if "eceived" in str(theirs.get(name, ""))}
        for family, name in AFI.items():
            said = theirs.get("multiprotocolExtensions", {}).get(name, {})
            if said.get("received") or said.get("advertisedAndReceived"):
                found.add(family)
        return found

    def restart_flags(self, neighbour):
        told = self.details(neighbour)["gracefulRestartInfo"]
        return told["rBit"], {family for family, name in AFI.items() if told.get(name, {}).get("fBit")}

    def hold_time(self, neighbour):
        return self.details(neighbour)["bgpTimerHoldTimeMsecs"] // 1000

    def updates_received(self, neighbour):
        return self.details(neighbour)["messageStats"]["updatesRecv"]

    def bfd_state(self, neighbour):
        peers = self.ask_json("show bfd peers json", daemon="bfdd")
        for peer in peers if isinstance(peers, list) else []:
            if neighbour in (peer.get("peer"), peer.get("interface")):
                return peer["status"]
        return None

    def request_route_refresh(self, neighbour):
        for family in ("ipv4", "ipv6"):
            self.ask(f"clear bgp {family} unicast {neighbour} in")

    def retry(self, neighbour):
        self.ask(f"clear bgp {neighbour}")

    def table(self, family):
        answer = self.ask_json(f"show bgp {family} unicast json detail")
        return {canonical_prefix(prefix): attributes(path) for prefix, entries in answer.get("routes", {}).items()
                for path in entries if is_best(path)}


def session(each, asn):
    """Lines of one neighbour."""
    name = each.address
    lines = [f" neighbor {name} interface v6only remote-as {each.asn}" if each.interface
             else f" neighbor {name} remote-as {each.asn}"]
    if not each.interface:
        lines.append(f" neighbor {name} update-source {each.local_address}")
    lines += [f" neighbor {name} timers {each.keepalive} {each.hold_time}", f" neighbor {name} timers connect 1"]
    if each.local_asn != asn:
        lines.append(f" neighbor {name} local-as {each.local_asn} no-prepend replace-as")
    if each.password:
        lines.append(f" neighbor {name} password {each.password}")
    if each.ttl_security:
        lines.append(f" neighbor {name} ttl-security hops 1")
    if each.multihop and each.local_asn != each.asn:
        lines.append(f" neighbor {name} ebgp-multihop {each.multihop}")
    if each.passive:
        lines.append(f" neighbor {name} passive")
    if each.extended_next_hop:
        lines.append(f" neighbor {name} capability extended-nexthop")
    if each.bfd:
        lines += [f" neighbor {name} bfd", f" neighbor {name} bfd profile fast"]
    if each.role:
        lines.append(f" neighbor {name} local-role {each.role} strict-mode")
    lines.append(f" neighbor {name} graceful-restart-{'helper' if each.graceful_restart else 'disable'}")
    return lines


def is_best(path):
    """The first of the entries of a prefix is no path, and a new path waits a moment for the decision."""
    return bool(path.get("bestpath", {}).get("overall"))


def attributes(path):
    hops = sorted(path["nexthops"], key=lambda hop: hop.get("scope") == "link-local")  # the global one first
    addresses = [canonical(hop["ip"]) for hop in hops if hop["ip"] != "::"]
    text = path.get("aspath", {}).get("string", "")
    communities = path.get("community", {}).get("string", "").split()
    large = path.get("largeCommunity", {}).get("string", "").split()
    extended = path.get("extendedCommunity", {}).get("string", "").split()
    return Attributes(
        next_hop=addresses[0] if addresses else None, as_path=tuple(int(asn) for asn in re.findall(r"\d+", text)),
        origin=path.get("origin", "").lower(), med=path.get("metric", path.get("med")),
        local_pref=path.get("locPrf", path.get("localPref")), communities=frozenset(map(community_text, communities)),
        large_communities=frozenset(large), extended_communities=frozenset(map(extended_text, extended)))


def extended_text(word):
    kind, _, value = word.partition(":")
    return f"{EXTENDED.get(kind, kind.lower())}:{value}"
