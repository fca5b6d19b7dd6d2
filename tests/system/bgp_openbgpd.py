"""OpenBGPD as a router. It wants a user of its own and gives up for minutes after a failure: retry() wakes it."""
import json

import private_mounts
from bgp_peer import Attributes, Peer, canonical, canonical_prefix, community_text, find_program

STATES = {"opensent": "open_sent", "openconfirm": "open_confirm"}
CAPABILITIES = {"as4byte": "as4", "refresh": "route_refresh", "enhanced_refresh": "enhanced_route_refresh"}
FAMILY_WORDS = {"IPv4 unicast": "ipv4", "IPv6 unicast": "ipv6"}
USER = "_openbgpd"
ACCOUNT = 64103


class Openbgpd(Peer):
    software = "OpenBGPD"
    lacks = {
        "bfd": "OpenBGPD has no BFD",
        "bfd_echo": "OpenBGPD has no BFD",
        "role": "OpenBGPD 7.7 has no RFC 9234",
        "unnumbered": "OpenBGPD knows neighbours by address",
        "extended_next_hop": "OpenBGPD 7.7 has no RFC 8950",
    }

    def find(self):
        self.program = find_program("bgpd", "usr/sbin", package="openbgpd")
        self.client = find_program("bgpctl", "usr/sbin", package="openbgpd")
        empty = self.dir / "empty"  # its processes lock themselves into their user's home directory
        empty.mkdir(mode=0o755, exist_ok=True)
        self.dir.chmod(0o755)
        pairs = private_mounts.account_files(
            self.dir, users=[f"{USER}:x:{ACCOUNT}:{ACCOUNT}::{empty}:/usr/sbin/nologin"],
            groups=[f"{USER}:x:{ACCOUNT}:"])
        self.wrapper = private_mounts.bound(pairs)
        self.control = self.dir / "bgpd.sock"

    # ---- configuration --------------------------------------------------------------------------
    def configuration(self):
        settings = self.settings
        lines = [f"AS {settings.asn}", f"router-id {settings.router_id}", f'socket "{self.control}"', "fib-update no"]
        lines += [f"listen on {address}" for address in sorted({each.local_address for each in settings.neighbours})]
        lines += [f"network {prefix}" for prefix in settings.routes]
        lines += [session(each) for each in settings.neighbours]
        return "\n".join([*lines, "allow from any", "allow to any"]) + "\n"

    def launch(self):
        self.control.unlink(missing_ok=True)
        file = self.write("bgpd.conf", self.configuration())
        self.spawn(self.program, "-d", "-f", file, wrapper=self.wrapper)

    def ready(self):
        if not self.control.exists():
            return False
        done = self.ask("-j", "show", "neighbor", check=False)  # none as long as the configuration is being read
        return done.returncode == 0 and "neighbors" in json.loads(done.stdout or "{}")

    def ask(self, *words, **options):
        return self.run(self.client, "-s", self.control, *words, **options)

    def ask_json(self, *words):
        return json.loads(self.ask("-j", *words).stdout or "{}")

    # ---- what it tells --------------------------------------------------------------------------
    def details(self, neighbour):
        return self.ask_json("show", "neighbor", neighbour)["neighbors"][0]

    def session_state(self, neighbour):
        state = self.details(neighbour).get("state", "idle").lower()
        return STATES.get(state, state)

    def session_mark(self, neighbour):
        details = self.details(neighbour)
        if details.get("state", "").lower() != "established":
            return None
        return details["stats"]["message"]["received"]["open"]  # one for each session

    def offered(self, neighbour):
        return self.details(neighbour).get("session", {}).get("remote", {}).get("capabilities", {})

    def capabilities(self, neighbour):
        theirs = self.offered(neighbour)
        found = {FAMILY_WORDS.get(word, word) for word in theirs.get("multiprotocol", [])}
        found |= {word for name, word in CAPABILITIES.items() if theirs.get(name)}
        if "timeout" in theirs.get("graceful_restart", {}):
            found.add("graceful_restart")
        return found

    def restart_flags(self, neighbour):
        told = self.offered(neighbour).get("graceful_restart", {})
        return told.get("restart", False), {FAMILY_WORDS.get(each["family"]) for each in told.get("protocols", [])
                                            if each["preserved"]}

    def hold_time(self, neighbour):
        return int(self.details(neighbour)["session"]["holdtime"])

    def updates_received(self, neighbour):
        return self.details(neighbour)["stats"]["message"]["received"]["updates"]

    def request_route_refresh(self, neighbour):
        self.ask("neighbor", neighbour, "refresh")

    def retry(self, neighbour):
        """Idle, it starts at once; anything else it leaves for five seconds first."""
        idle = self.session_state(neighbour) == "idle"
        self.ask("neighbor", neighbour, "up" if idle else "clear")

    def table(self, family):
        answer = self.ask_json("show", "rib", family_word(family), "detail")
        return {canonical_prefix(each["prefix"]): attributes(each)
                for each in answer.get("rib", []) if each.get("best")}


def family_word(family):
    return "inet" if family == "ipv4" else "inet6"


def session(each):
    lines = [f"remote-as {each.asn}", f"local-address {each.local_address}", f"holdtime {each.hold_time}",
             f"announce restart {'yes' if each.graceful_restart else 'no'}", "announce refresh yes",
             "announce enhanced refresh yes", "announce as-4byte yes"]
    lines += [f"announce {name} {'unicast' if family in each.families else 'none'}"
              for family, name in (("ipv4", "IPv4"), ("ipv6", "IPv6"))]
    if each.passive:
        lines.append("passive")
    if each.password:
        lines.append(f'tcp md5sig password "{each.password}"')
    if each.ttl_security:
        lines.append("ttl-security yes")
    if each.multihop:
        lines.append(f"multihop {each.multihop}")
    if each.maximum_prefixes is not None:
        lines.append(f"max-prefix {each.maximum_prefixes * len(each.families)}")  # counted together
    return f"neighbor {each.address} {{\n" + "".join(f" {line}\n" for line in lines) + "}"


def attributes(entry):
    return Attributes(
        next_hop=canonical(entry["exit_nexthop"]), as_path=tuple(int(asn) for asn in entry.get("aspath", "").split()),
        origin=entry["origin"].lower(), med=entry.get("metric"), local_pref=entry.get("localpref"),
        communities=frozenset(map(community_text, entry.get("communities", []))),
        large_communities=frozenset(entry.get("large_communities", [])),
        extended_communities=frozenset(each.replace(" ", ":", 1) for each in entry.get("extended_communities", [])))
