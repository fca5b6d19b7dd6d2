"""lbd's BGP with the routers of Debian 12: the interoperability matrix, and ECMP over three nodes."""
import functools
import os

import harness
from bgp_bench import run_cases, told
from bgp_cases import GROUPS
from bgp_ecmp import ANNOUNCED, NUMBERS, node_addresses, start_router, wait_for_next_hops
from bgp_network import NODE_ASN, POOL, ROUTER, ROUTER_ASN, addresses
from bgp_peers import PEERS
from bgp_speaker import Lbd
from cluster import Cluster

SOAK = os.environ.get("TRIVET_SOAK") == "1"
MANY = range(1000, 3500) if SOAK else range(1000, 1250)  # each is a route of both families


def matrix(lab, software, group):
    run_cases(lab, Lbd, PEERS[software], GROUPS[group], many=MANY)


for each in PEERS:  # test_bird_transport and so on: each starts lbd once
    for name in GROUPS:
        globals()[f"test_{each.lower()}_{name}"] = functools.partial(matrix, software=each, group=name)


def ecmp(lab, software):
    """Three next hops in the router's kernel; two when a node died; three again when it is back."""
    cluster = Cluster(lab, subnet="10.99.0", first_host=NUMBERS[0])
    router = start_router(lab, cluster.switch, PEERS[software])
    cluster.form(len(NUMBERS))
    hosts = {number: node.host for number, node in zip(NUMBERS, cluster.nodes)}
    for number, host in hosts.items():
        host.ip("address", "add", f"{node_addresses(number)['ipv6']}/64", "dev", "eth0", "nodad")
    leader = cluster.leader()
    leader.lbctl("pool", "create", "lan", "--addresses", POOL)
    leader.lbctl("bgp-advertisement", "create", "all")
    leader.lbctl("bgp-peer", "create", "tor1", "--peer-address", ROUTER["ipv4"], "--peer-asn", ROUTER_ASN, "--my-asn",
                 NODE_ASN, "--hold-time", 9, "--connect-time", 1)
    leader.lbctl("vip", "create", "web", "--pool", "lan", "--addresses", ",".join(addresses(ANNOUNCED)))
    wait_for_next_hops(router, hosts, NUMBERS)
    cluster.nodes[-1].kill()
    wait_for_next_hops(router, hosts, NUMBERS[:-1])
    cluster.nodes[-1].start()
    wait_for_next_hops(router, hosts, NUMBERS)


def test_ecmp_bird(lab):
    with told(Lbd.label, "BIRD", "ecmp_over_three_nodes"):
        ecmp(lab, "BIRD")


def test_ecmp_frr(lab):
    with told(Lbd.label, "FRR", "ecmp_over_three_nodes"):
        ecmp(lab, "FRR")


harness.main(globals())
