"""A user's real MetalLB configuration with a BGP pool, on real machines: from the import to a page through the router.

    node 192.168.0.2 ---- 192.168.0.1 router 203.0.113.1 ---- 203.0.113.2 client

The router is FRR, as the configuration says: AS 65000 at 192.168.0.1. It has the route from BGP and from nowhere else.
"""
import dataclasses
import json
import pathlib
import subprocess

import harness
from bgp_frr import Frr
from bgp_network import quick_host
from bgp_peer import PATIENCE, Attributes, Neighbour, Settings, kernel_routes
from cluster import Node
from harness import wait_for

SEED = pathlib.Path(__file__).resolve().parents[1] / "data/seed"
CONFIGURATION, SERVICE = SEED / "metallb.bgp.config.yaml", SEED / "loadBalancer-test.yaml"
NODE, ROUTER = "192.168.0.2", "192.168.0.1"
ROUTER_OUTSIDE, CLIENT = "203.0.113.1", "203.0.113.2"
NODE_ASN, ROUTER_ASN = 65009, 65000
FIRST, SECOND = "192.168.9.0", "192.168.9.1"  # of the pool 192.168.9.0/24
ONE_ROUTER_LESS = 63  # what is left of Linux's TTL of 64 behind one router


class Site:
    def __init__(self, lab):
        near, outside = lab.bridge("br0"), lab.bridge("br1")
        self.machine, self.router_host, self.client = (quick_host(lab, name) for name in ("n1", "router", "client"))
        lab.plug(near, self.machine, "eth0", f"{NODE}/24")
        lab.plug(near, self.router_host, "eth0", f"{ROUTER}/24")
        lab.plug(outside, self.router_host, "eth1", f"{ROUTER_OUTSIDE}/24")
        lab.plug(outside, self.client, "eth0", f"{CLIENT}/24")
        self.router_host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.machine.ip("route", "add", "default", "via", ROUTER)
        self.client.ip("route", "add", "default", "via", ROUTER_OUTSIDE)
        self.router = Frr(self.router_host)
        self.node = Node(self.machine, "n1", NODE)

    def start(self):
        there = Neighbour(local_address=ROUTER, local_asn=ROUTER_ASN, address=NODE, asn=NODE_ASN, families=("ipv4",),
                          hold_time=90)
        self.router.start(Settings(asn=ROUTER_ASN, router_id=ROUTER, neighbours=(there,)))
        self.node.start().init()

    def addresses_of(self, name):
        return self.node.json("vip", "show", name)["status"]["addresses"]

    def wait_routed(self, *addresses):
        """Until FRR has exactly these, as the node's, and its kernel sends packets for them there."""
        self.router.wait_routes({"ipv4": {f"{address}/32" for address in addresses}})
        for prefix, route in self.router.routes("ipv4").items():
            # Neither MED nor LOCAL_PREF is sent; how FRR shows that is its own affair.
            plain = dataclasses.replace(route, med=route.med or None, local_pref=None)
            assert plain == Attributes(next_hop=NODE, as_path=(NODE_ASN,), origin="igp"), (prefix, route)
        wanted = {f"{address}/32": [NODE] for address in addresses}
        wait_for("the kernel of the router", lambda: kernel_routes(self.router_host, "ipv4") == wanted,
                 timeout=PATIENCE)

    def fetches(self, address):
        return self.client.run("curl", "-s", "-m2", f"http://{address}/", check=False).stdout == "page\n"

    def ttl_left(self, address):
        """Of an answer to the client's ping; None without one."""
        answer = self.client.run("ping", "-c1", "-W1", address, check=False).stdout
        _, found, behind = answer.partition(" ttl=")
        return int(behind.split()[0]) if found else None


def serve_page(lab, host):
    site = lab.dir / "site"
    site.mkdir()
    (site / "index.html").write_text("page\n")
    host.start("python3", "-m", "http.server", "80", "--directory", site, stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL)


def test_bgp_pool(lab):
    site = Site(lab)
    site.start()
    site.node.lbctl("import", "metallb", "-f", CONFIGURATION)
    site.router.wait_established(NODE)
    site.wait_routed()
    serve_page(lab, site.machine)

    created = site.node.lbctl("vip", "create", "web", "--port", "80/tcp", "--delivery", "bind", "-o", "json").stdout
    assert json.loads(created)["status"]["addresses"] == [FIRST], created
    assert site.addresses_of("web") == [FIRST]
    site.wait_routed(FIRST)
    wait_for(f"a page from {FIRST}", lambda: site.fetches(FIRST))
    assert site.ttl_left(FIRST) == ONE_ROUTER_LESS, site.ttl_left(FIRST)

    mark = site.router.session_mark(NODE)
    site.node.lbctl("import", "metallb", "-f", SERVICE)
    assert site.addresses_of("nginx") == [SECOND]
    site.wait_routed(FIRST, SECOND)
    assert site.fetches(FIRST)

    site.node.lbctl("vip", "delete", "web")
    site.wait_routed(SECOND)
    assert not site.fetches(FIRST) and site.ttl_left(FIRST) is None
    assert site.router.session_mark(NODE) == mark, "the session was reset"


harness.main(globals())
