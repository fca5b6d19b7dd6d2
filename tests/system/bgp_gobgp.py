"""GoBGP as a router: gobgpd, asked through its own client."""
import base64
import json

from bgp_peer import Attributes, Peer, canonical, canonical_prefix, find_program

API = "127.0.0.1:50051"  # in the router's own namespace
STATES = ("unknown", "idle", "connect", "active", "open_sent", "open_confirm", "established")
ORIGINS = ("igp", "egp", "incomplete")
# Types of the API's protobuf messages. Its JSON keeps them packed: a family is {afi, safi} behind two tags.
CAPABILITIES = {"RouteRefreshCapability": "route_refresh", "EnhancedRouteRefreshCapability": "enhanced_route_refresh",
                "ExtendedNexthopCapability": "extended_next_hop", "GracefulRestartCapability": "graceful_restart",
                "FourOctetASNCapability": "as4"}
UNICAST = {b"\x0a\x04\x08\x01\x10\x01": "ipv4", b"\x0a\x04\x08\x02\x10\x01": "ipv6"}
ROUTE_TARGET, SITE_OF_ORIGIN = 2, 3  # RFC 4360 sections 4 and 5


class Gobgp(Peer):
    software = "GoBGP"
    log_level = "debug"
    lacks = {
        "bfd": "GoBGP has no BFD",
        "bfd_echo": "GoBGP has no BFD",
        "role": "GoBGP has no RFC 9234",
        "route_refresh": "GoBGP keeps what it has heard and never asks for it again",
        "unnumbered": "GoBGP looks an unnumbered neighbour up only once, when it starts",
    }

    def find(self):
        self.program = find_program("gobgpd", "usr/bin", "usr/sbin", package="gobgpd")
        self.client = find_program("gobgp", "usr/bin", "usr/sbin", package="gobgpd")

    def configuration(self):
        config = {"as": self.settings.asn, "router-id": self.settings.router_id,
                  "local-address-list": [each.local_address for each in self.settings.neighbours]}
        return table("global.config", config) + "".join(map(session, self.settings.neighbours))

    def launch(self):
        file = self.write("gobgpd.toml", self.configuration())
        self.spawn(self.program, "-f", file, "-t", "toml", "--api-hosts", API, "--pprof-disable", "--log-plain", "-l",
                   self.log_level)

    def start(self, settings):
        super().start(settings)
        for prefix in settings.routes:
            family, hop = ("ipv6", "::") if ":" in prefix else ("ipv4", "0.0.0.0")
            self.ask("global", "rib", "add", prefix, "nexthop", hop, "-a", family)
        return self

    def ready(self):
        done = self.ask("global", check=False)
        return done.returncode == 0 and len(self.ask_json("neighbor") or []) == len(self.settings.neighbours)

    def ask(self, *words, **options):
        host, port = API.split(":")
        return self.run(self.client, "-u", host, "-p", port, *words, **options)

    def ask_json(self, *words):
        return json.loads(self.ask("-j", *words).stdout or "null")

    # ---- what it tells --------------------------------------------------------------------------
    def details(self, neighbour):
        return self.ask_json("neighbor", neighbour)

    def session_state(self, neighbour):
        state = self.details(neighbour).get("state", {}).get("session_state", 0)
        return STATES[state] if isinstance(state, int) else state.lower()

    def session_mark(self, neighbour):
        details = self.details(neighbour)
        state = details.get("state", {})
        if state.get("session_state") != STATES.index("established"):
            return None
        return state.get("flops", 0), json.dumps(details.get("timers", {}).get("state", {}).get("uptime"))

    def capabilities(self, neighbour):
        found = set()
        for capability in self.details(neighbour).get("state", {}).get("remote_cap", []):
            name = capability["type_url"].rpartition(".")[2]
            if name == "MultiProtocolCapability":
                found.add(UNICAST.get(base64.b64decode(capability["value"]), "other"))
            elif name in CAPABILITIES:
                found.add(CAPABILITIES[name])
        return found

    def hold_time(self, neighbour):
        return int(self.details(neighbour)["timers"]["state"]["negotiated_hold_time"])

    def updates_received(self, neighbour):
        return int(self.details(neighbour)["state"]["messages"]["received"].get("update", 0))

    def retry(self, neighbour):
        self.ask("neighbor", neighbour, "enable", check=False)
        self.ask("neighbor", neighbour, "reset", check=False)

    def table(self, family):
        answer = self.ask_json("global", "rib", "-a", family) or {}
        return {canonical_prefix(prefix): attributes(paths[0]) for prefix, paths in answer.items() if paths}


def table(name, values, is_list=False):
    """One TOML table; JSON's strings, numbers, lists and booleans are TOML's too."""
    head = f"[[{name}]]" if is_list else f"[{name}]"
    return head + "\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def session(each):
    config = {"neighbor-address": each.address, "peer-as": each.asn, "local-as": each.local_asn}
    if each.password:
        config["auth-password"] = each.password
    text = table("neighbors", {}, is_list=True) + table("neighbors.config", config)
    text += table("neighbors.transport.config", {"local-address": each.local_address, "passive-mode": each.passive})
    text += table("neighbors.timers.config", {
        "hold-time": each.hold_time, "keepalive-interval": each.keepalive, "connect-retry": 1,
        "idle-hold-time-after-reset": 1})
    if each.ttl_security:
        text += table("neighbors.ttl-security.config", {"enabled": True, "ttl-min": 255})
    if each.multihop:
        text += table("neighbors.ebgp-multihop.config", {"enabled": True, "multihop-ttl": each.multihop})
    text += table("neighbors.graceful-restart.config", {
        "enabled": each.graceful_restart, "restart-time": each.restart_time, "helper-only": each.graceful_restart})
    for family in each.families:
        text += table("neighbors.afi-safis", {}, is_list=True)
        text += table("neighbors.afi-safis.config", {"afi-safi-name": f"{family}-unicast"})
        text += table("neighbors.afi-safis.mp-graceful-restart.config", {"enabled": each.graceful_restart})
        if each.maximum_prefixes is not None:
            text += table("neighbors.afi-safis.prefix-limit.config", {"max-prefixes": each.maximum_prefixes})
    return text


def attributes(path):
    fields = {each["type"]: each for each in path["attrs"]}
    hop = fields.get(14, {}).get("nexthop") or fields.get(3, {}).get("nexthop")
    segments = fields.get(2, {}).get("as_paths") or []
    return Attributes(
        next_hop=canonical(hop), as_path=tuple(asn for segment in segments for asn in segment["asns"]),
        origin=ORIGINS[fields.get(1, {}).get("value", 0)], med=fields.get(4, {}).get("metric"),
        local_pref=fields.get(5, {}).get("value"),
        communities=frozenset(f"{value >> 16}:{value & 0xFFFF}" for value in fields.get(8, {}).get("communities", [])),
        large_communities=frozenset(f"{each['ASN']}:{each['LocalData1']}:{each['LocalData2']}"
                                    for each in fields.get(32, {}).get("value", [])),
        extended_communities=frozenset(map(extended_text, fields.get(16, {}).get("value", []))))


def extended_text(each):
    kind = {ROUTE_TARGET: "rt", SITE_OF_ORIGIN: "soo"}.get(each.get("subtype"), str(each.get("subtype")))
    return f"{kind}:{each.get('value')}"
