"""A router with sessions to three nodes, whose kernel takes every path that is equally good."""
from bgp_network import LENGTHS, NODE_ASN, ROUTER, ROUTER_ASN, addresses, link_local, quick_host
from bgp_peer import Neighbour, Settings, canonical_prefix, kernel_routes
from harness import wait_for

NUMBERS = (11, 12, 13)  # last parts of the nodes' addresses
ANNOUNCED = 1


def node_addresses(number):
    return {"ipv4": f"10.99.0.{number}", "ipv6": f"fd99::{number}"}


def start_router(lab, switch, router_class):
    """The router, which waits for all three."""
    host = quick_host(lab, "router")
    lab.plug(switch, host, "eth0", *(f"{ROUTER[family]}/{length}" for family, length in LENGTHS.items()))
    neighbours = tuple(Neighbour(local_address=ROUTER["ipv4"], local_asn=ROUTER_ASN, asn=NODE_ASN,
                                 address=node_addresses(number)["ipv4"]) for number in NUMBERS)
    return router_class(host).start(Settings(asn=ROUTER_ASN, router_id=ROUTER["ipv4"], neighbours=neighbours,
                                             kernel=True))


def reached(router, family, hosts):
    """The numbers of the nodes that the router's kernel sends packets for the announced address to.

    hosts: {number: Host}. FRR takes the link-local next hop where there are both.
    """
    address = addresses(ANNOUNCED)[0 if family == "ipv4" else 1]
    known = {}
    for number, host in hosts.items():
        known[node_addresses(number)[family]] = number
        known[link_local(host)] = number
    gateways = kernel_routes(router.host, family).get(canonical_prefix(address), [])
    return sorted(known.get(gateway, gateway) for gateway in gateways)


def wait_for_next_hops(router, hosts, numbers):
    """Until the kernel's routes of both families lead to exactly these of the nodes."""
    for family in LENGTHS:
        try:
            wait_for(f"next hops {numbers}", lambda: reached(router, family, hosts) == sorted(numbers), timeout=60)
        except AssertionError as error:
            raise AssertionError(f"{error}; the kernel has {reached(router, family, hosts)}") from None
