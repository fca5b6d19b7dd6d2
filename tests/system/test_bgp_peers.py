"""The routers of the BGP tests with BIRD in lbd's place, so that a failure here is the tests' own."""
import os

import harness
from bgp_bench import run_cases
from bgp_bird import Bird
from bgp_cases import GROUPS
from bgp_ecmp import ANNOUNCED, NUMBERS, node_addresses, start_router, wait_for_next_hops
from bgp_network import LENGTHS, addresses, ends, quick_host
from bgp_peer import Settings
from bgp_peers import PEERS
from bgp_speaker import Stand

SOAK = os.environ.get("TRIVET_SOAK") == "1"
CASES = {name: function for group in GROUPS.values() for name, function in group.items()}
SHORT = {name: CASES[name] for name in ("plain", "md5", "attributes", "unnumbered")}  # soak: all of the matrix


def run_with(lab, software):
    run_cases(lab, Stand, PEERS[software], CASES if SOAK else SHORT)


def test_bird(lab):
    run_with(lab, "BIRD")


def test_frr(lab):
    run_with(lab, "FRR")


def test_gobgp(lab):
    run_with(lab, "GoBGP")


def test_exabgp(lab):
    run_with(lab, "ExaBGP")


def test_openbgpd(lab):
    run_with(lab, "OpenBGPD")


def ecmp(lab, software):
    switch = lab.bridge()
    router = start_router(lab, switch, PEERS[software])
    hosts, birds = {}, []
    for number in NUMBERS:
        own = node_addresses(number)
        host = hosts[number] = quick_host(lab, f"n{number}")
        lab.plug(switch, host, "eth0", *(f"{own[family]}/{length}" for family, length in LENGTHS.items()))
        session, _ = ends(node=own)
        birds.append(Bird(host).start(Settings(
            asn=session.local_asn, router_id=own["ipv4"], routes=addresses(ANNOUNCED), neighbours=(session,))))
    wait_for_next_hops(router, hosts, NUMBERS)
    birds[-1].kill()
    wait_for_next_hops(router, hosts, NUMBERS[:-1])


def test_ecmp_bird(lab):
    ecmp(lab, "BIRD")


def test_ecmp_frr(lab):
    ecmp(lab, "FRR")


harness.main(globals())
