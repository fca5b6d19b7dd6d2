"""The cases of the interoperability matrix: what every router must see of whoever announces.

A case is a function of a Bench, in a group that shares one start of the announcer. It says what it needs of the router:
where a router lacks it (Peer.lacks), the case is "n/a".
"""
import dataclasses
import time

from bgp_bench import BASE, always
from bgp_network import NODE, NODE_ASN, ROUTER_ASN, connections, link_local, prefixes
from bgp_peer import PATIENCE, Attributes, Bfd, difference, kernel_routes
from harness import wait_for

NOTHING = {"ipv4": set(), "ipv6": set()}
SHORT_HOLD = 3  # seconds, the shortest that RFC 4271 section 4.2 allows
GRACEFUL_SHUTDOWN = "65535:0"
DRAIN_S = 10  # from the community to the withdrawal: daemon/node_bgp.cpp
GROUPS = {}  # {name: {case: function}}


def case(group, *needs):
    def register(function):
        function.needs = needs
        GROUPS.setdefault(group, {})[function.__name__] = function
        return function
    return register


def check_plain(bench, asn=NODE_ASN):
    for route, hop in zip(bench.attributes(), NODE.values()):
        wanted = Attributes(next_hop=hop, as_path=(asn,), med=route.med, local_pref=route.local_pref)
        assert route == wanted and not route.med, route


# ---- transport -----------------------------------------------------------------------------------
@case("transport")
def plain(bench):
    neighbour = bench.meet()
    bench.settle(neighbour)
    check_plain(bench)
    offered = bench.peer.capabilities(neighbour)
    assert {"ipv4", "ipv6", "route_refresh", "as4"} <= offered, offered


@case("transport")
def ipv6_transport(bench):
    neighbour = bench.meet(over="ipv6")
    bench.settle(neighbour)
    check_plain(bench)


@case("transport")
def md5(bench):
    bench.settle(bench.meet(password="correct-horse"))


@case("transport")
def gtsm(bench):
    bench.settle(bench.meet(ttl_security=True))


@case("transport")
def peer_passive(bench):
    neighbour = bench.meet(peer={"passive": True})
    bench.settle(neighbour)
    assert [own for own, _ in connections(bench.network.router)] == [179], "the router connected"


@case("transport")
def we_passive(bench):
    neighbour = bench.meet(speaker={"passive": True})
    bench.settle_again(neighbour)  # it may have knocked before anybody listened
    assert [own for own, _ in connections(bench.network.node)] == [179], "the announcer connected"


@case("transport")
def dynamic_neighbour(bench):
    """The announcer knows no address, only where whoever connects must come from, and the password."""
    anywhere = {"address": "10.99.0.0/24", "passive": True}
    bench.settle_again(bench.meet(speaker=anywhere, password="correct-horse"))


@case("transport", "role")
def role(bench):
    """RFC 9234: a customer meets its provider, and no other."""
    neighbour = bench.meet(speaker={"role": "customer"}, peer={"role": "provider"})
    bench.settle(neighbour)
    bench.part()
    bench.settle(bench.meet(speaker={"role": "provider"}, peer={"role": "customer"}))
    if bench.peer.software == "BIRD":  # section 5: routes to a customer say so
        assert all(each.only_to_customer == NODE_ASN for each in bench.attributes()), bench.attributes()
    bench.part()
    bench.meet(speaker={"role": "customer"}, peer={"role": "customer"})
    always(3.0, lambda: not any(map(bench.peer.routes, NOTHING)), "two customers to refuse each other")


@case("transport", "multihop")
def multihop(bench):
    neighbour = bench.meet(is_far=True, multihop=5)
    bench.settle(neighbour)
    check_plain(bench)


@case("transport", "extended_next_hop")
def extended_next_hop(bench):
    """IPv4 routes from a node that has no IPv4 address."""
    own = f"{NODE['ipv4']}/24"
    bench.network.node.ip("address", "del", own, "dev", "eth0")
    try:
        neighbour = bench.meet(over="ipv6", extended_next_hop=True)
        bench.settle(neighbour)
        assert [route.next_hop for route in bench.attributes()] == [NODE["ipv6"]] * 2, bench.attributes()
        assert "extended_next_hop" in bench.peer.capabilities(neighbour)
    finally:
        bench.network.node.ip("address", "add", own, "dev", "eth0")


@case("transport", "unnumbered")
def unnumbered(bench):
    """Neither end is told the other's address."""
    there = {"address": "eth0", "interface": "eth0"}
    neighbour = bench.meet(over="ipv6", extended_next_hop=True, speaker=there, peer=there)
    bench.settle(neighbour)
    own = {link_local(bench.network.node), NODE["ipv6"]}
    assert all(route.next_hop in own for route in bench.attributes()), bench.attributes()


# ---- what must not come up -----------------------------------------------------------------------
@case("refused")
def wrong_password(bench):
    bench.meet(password="correct-horse", speaker={"password": "battery-staple"})
    bench.stays_down((bench.network.node, "TCPMD5Failure"), (bench.network.router, "TCPMD5Failure"))


@case("refused")
def we_refuse_no_password(bench):
    bench.meet(speaker={"password": "correct-horse"})
    bench.stays_down((bench.network.node, "TCPMD5NotFound"), (bench.network.router, "TCPMD5Unexpected"))


@case("refused")
def we_refuse_low_ttl(bench):
    bench.meet(speaker={"ttl_security": True})
    bench.stays_down((bench.network.node, "TCPMinTTLDrop"))


@case("refused", "ttl_security")
def router_refuses_low_ttl(bench):
    bench.meet(peer={"ttl_security": True})
    bench.stays_down((bench.network.router, "TCPMinTTLDrop"))


# ---- who hangs, dies and restarts ----------------------------------------------------------------
@case("faults")
def md5_gtsm_short_hold(bench):
    """And the hold timer is obeyed by both: who hangs loses the session."""
    neighbour = bench.meet(password="correct-horse", ttl_security=True, hold_time=SHORT_HOLD)
    bench.settle(neighbour)
    assert bench.peer.hold_time(neighbour) == SHORT_HOLD
    mark = bench.peer.session_mark(neighbour)
    always(SHORT_HOLD + 1.5, lambda: bench.peer.session_mark(neighbour) == mark, "keepalives to keep the session")
    bench.speaker.pause()
    try:
        bench.peer.wait_routes(NOTHING, timeout=SHORT_HOLD + PATIENCE)
    finally:
        bench.speaker.resume()
    bench.settle_again(neighbour)
    bench.peer.pause()
    try:
        wait_for("the announcer to give a silent router up", lambda: not connections(bench.network.node),
                 timeout=SHORT_HOLD + PATIENCE)
    finally:
        bench.peer.resume()
    bench.settle_again(neighbour)


@case("faults", "graceful_restart")
def graceful_restart(bench):
    """The announcer is killed and comes back: the router loses no route meanwhile, and forgets none wrongly after."""
    neighbour = bench.meet(graceful_restart=True, restart_time=120)
    bench.settle(neighbour)
    assert "graceful_restart" in bench.peer.capabilities(neighbour)
    updates = bench.peer.updates_received(neighbour)
    bench.speaker.kill()
    bench.peer.wait_down(neighbour)
    kept = prefixes(BASE)

    def all_there():
        for family, wanted in kept.items():
            known = set(bench.peer.routes(family))
            assert known == wanted, "during the restart: " + difference(family, wanted, known)
        return True

    all_there()
    bench.speaker.recover()
    wait_for("the session to be back", lambda: all_there() and bench.peer.is_established(neighbour), timeout=60,
             interval=0.05)
    wait_for("the routes to be announced again",
             lambda: all_there() and bench.peer.updates_received(neighbour) != updates, interval=0.05)
    flags = bench.peer.restart_flags(neighbour)
    assert flags in (None, (True, set(kept))), f"restarting, forwarding kept for: {flags}"
    always(2.0, all_there, "the routes to stay")
    bench.speaker.withdraw([BASE[-1]])
    bench.peer.wait_routes(prefixes(BASE[:-1]))
    bench.speaker.announce([BASE[-1]])
    bench.peer.wait_routes(kept)


@case("faults")
def no_graceful_restart(bench):
    neighbour = bench.meet()
    bench.settle(neighbour)
    bench.speaker.kill()
    bench.peer.wait_routes(NOTHING)
    bench.speaker.recover()
    bench.settle_again(neighbour)


@case("faults")
def peer_restarts(bench):
    """Once as after a power failure, once cleanly."""
    neighbour = bench.meet()
    bench.settle(neighbour)
    bench.peer.restart()
    bench.settle(neighbour)
    bench.peer.stop()
    bench.peer.start(bench.peer.settings)
    bench.settle(neighbour)


@case("faults", "bfd")
def bfd(bench):
    """A cut cable is noticed by BFD, long before the hold timer would."""
    neighbour = bench.meet(bfd=Bfd(), hold_time=90)
    bench.settle(neighbour)
    wait_for("BFD to be up", lambda: bench.peer.bfd_state(neighbour) == "up")
    mark = bench.peer.session_mark(neighbour)
    always(3.0, lambda: bench.peer.session_mark(neighbour) == mark, "no false alarm")
    bench.network.cut()
    try:
        started = time.monotonic()
        bench.peer.wait_routes(NOTHING, timeout=10)
        print(f"bfd: the routes were gone {(time.monotonic() - started) * 1000:.0f} ms after the cut")
    finally:
        bench.network.mend()
    bench.settle_again(neighbour)


@case("faults", "bfd", "bfd_echo")
def bfd_echo(bench):
    """Our echoes come back from the router; when they do not, its routes are gone although control packets are slow."""
    router = bench.network.router
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")  # FRR leaves it to the kernel to return them
    neighbour = bench.meet(bfd=Bfd(echo_ms=50), hold_time=90)
    bench.settle(neighbour)
    wait_for("the echoes to come back", lambda: bench.speaker.bfd().get("echo") == "active"
             and bench.speaker.bfd()["echo_packets_received"] > 20)
    assert bench.speaker.bfd()["detection_time_ms"] >= 1000, bench.speaker.bfd()
    downs = bench.speaker.bfd()["down_events"]
    bench.network.cut()
    try:
        wait_for("BFD to go down", lambda: bench.speaker.bfd()["down_events"] > downs, timeout=5)
        told = bench.speaker.bfd()
        assert told["diagnostic"] == "echo function failed", told
        wait_for("the announcer to close the session", lambda: not connections(bench.network.node), timeout=5)
    finally:
        bench.network.mend()
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    bench.settle_again(neighbour)


# ---- routes --------------------------------------------------------------------------------------
@case("routes", "route_refresh")
def route_refresh(bench):
    neighbour = bench.meet()
    bench.settle(neighbour)

    def refresh():
        before = bench.peer.updates_received(neighbour)
        bench.peer.request_route_refresh(neighbour)
        wait_for("the routes to come again", lambda: bench.peer.updates_received(neighbour) >= before + 2)

    bench.same_session(neighbour, refresh)
    bench.peer.wait_routes(prefixes(BASE))


@case("routes", "maximum_prefixes")
def maximum_prefixes(bench):
    """The router closes a session with more routes than it allows, and opens it when there are fewer."""
    neighbour = bench.meet(peer={"maximum_prefixes": 4})
    bench.settle(neighbour)
    extra = (4, 5, 6, 7)  # FRR 8.4 counts late and closes at the second too many
    bench.speaker.announce(extra)
    bench.peer.wait_down(neighbour)
    bench.speaker.withdraw(extra)
    bench.settle_again(neighbour)


@case("routes", "drain")
def drain(bench):
    """The routes say that they will go away (RFC 8326), and are there for a while; then they go, and the session stays."""
    neighbour = bench.meet()
    bench.settle(neighbour)

    def come_and_go():
        bench.speaker.drain()
        wait_for("GRACEFUL_SHUTDOWN", lambda: all(GRACEFUL_SHUTDOWN in each.communities for each in bench.attributes()),
                 timeout=DRAIN_S - 2)
        bench.peer.wait_routes(NOTHING, timeout=DRAIN_S + PATIENCE)
        bench.speaker.wait_drained()
        bench.speaker.undrain()
        bench.peer.wait_routes(prefixes(BASE))

    bench.same_session(neighbour, come_and_go)
    check_plain(bench)


@case("routes")
def changes_reset_nothing(bench):
    """Routes that come and go, and what they carry, are UPDATEs of the same session, and few."""
    neighbour = bench.meet()
    bench.settle(neighbour)
    extra = (7,)

    def change():
        bench.speaker.announce(extra)
        bench.peer.wait_routes(prefixes(BASE + extra))
        bench.speaker.withdraw(extra)
        bench.peer.wait_routes(prefixes(BASE))

    updates = bench.same_session(neighbour, change)
    assert updates <= 4, f"{updates} UPDATEs for one route of each family that came and went"


@case("routes")
def routes_from_the_router(bench):
    """Somebody who only announces takes no route, and keeps the session of a router that has some."""
    routes = ("203.0.113.0/24", "198.51.100.128/25", "2001:db8:1::/48", "2001:db8:2::1/128")
    neighbour = bench.meet(routes=routes)
    bench.settle(neighbour)
    mark = bench.peer.session_mark(neighbour)
    always(3.0, lambda: bench.peer.session_mark(neighbour) == mark, "the session to live with the router's routes")
    known = {**kernel_routes(bench.network.node, "ipv4"), **kernel_routes(bench.network.node, "ipv6")}
    assert not known.keys() & set(routes), known


@case("routes")
def attributes(bench):
    """Everything that a route can carry to another AS, put on it while the session lives; our AS has four octets."""
    asn = 4200000009
    shaped = Attributes(med=50, communities=frozenset({"65009:100", "65535:65281"}), as_path=(asn,) * 3,
                        large_communities=frozenset({"65009:1:2", "4200000009:3:4"}),
                        extended_communities=frozenset({"rt:65009:100"}))
    neighbour = bench.meet(node_asn=asn)
    bench.settle(neighbour)

    def shape():
        bench.speaker.shape(shaped, prepend=2)
        wanted = [dataclasses.replace(shaped, next_hop=hop) for hop in NODE.values()]
        wait_for("the routes to change", lambda: [
            dataclasses.replace(route, local_pref=None) for route in bench.attributes()] == wanted)

    try:
        bench.same_session(neighbour, shape)
    except AssertionError as error:
        raise AssertionError(f"{error}; {bench.attributes()}") from None
    finally:
        bench.speaker.shape()


@case("routes")
def internal(bench):
    """Inside one AS: LOCAL_PREF, an empty path, the announcer as next hop."""
    neighbour = bench.meet(node_asn=ROUTER_ASN)
    bench.speaker.shape(Attributes(local_pref=250))
    try:
        bench.settle(neighbour)
        wait_for("the preference", lambda: [route.local_pref for route in bench.attributes()] == [250, 250])
        for route, hop in zip(bench.attributes(), NODE.values()):
            assert route.as_path == () and route.next_hop == hop, route
    finally:
        bench.speaker.shape()


@case("routes")
def withdrawal_of_many(bench):
    """All routes go by one change, while the session stays."""
    numbers = BASE + tuple(bench.many)
    neighbour = bench.meet(hold_time=90)
    bench.settle(neighbour)
    bench.speaker.announce(bench.many)
    bench.peer.wait_routes(prefixes(numbers), timeout=60)

    def withdraw():
        started = time.monotonic()
        bench.speaker.withdraw_at_once()
        bench.peer.wait_routes(NOTHING, timeout=60)
        print(f"withdrawal_of_many: {2 * len(numbers)} routes were gone after {time.monotonic() - started:.2f} s")

    try:
        bench.same_session(neighbour, withdraw)
    finally:
        bench.speaker.withdraw(bench.many)
        bench.speaker.shape()
