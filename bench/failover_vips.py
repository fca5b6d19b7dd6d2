"""./dev bench failover --vips N: kill -9 of the owner of N VIPs, until all of them are announced again.

Judged in the client's namespace by gratuitous ARP: the first frame of each VIP from another machine. Trivet shares
VIPs out, so that three times N are made and the node that owns the most is killed; its heirs are two. keepalived's VIPs
all belong to its master.
"""
import collections
import ipaddress

import common
import failover_run
import keepalived_peer
from failover_trivet import Trivet
from keepalived_peer import Keepalived

IN_FLIGHT, SECONDS_MAX = 64, 120
SETTLE_S = 60  # of this number of VIPs
CAPTURE_S = 60
ADVERT_MS = 1000  # keepalived's default; at 100 ms its nodes were seen to take the VIPs from each other without end,
                  # because a node that adds so many addresses sends no advert meanwhile


def is_v4(address):
    return ipaddress.ip_address(address).version == 4


class ManyOfTrivet:
    """VIPs by the thousand in the cluster that the other runs use, too."""

    def __init__(self, trivet, count):
        self.system, self.count = trivet, count

    def make(self):
        trivet, total = self.system, self.count * len(self.system.nodes)
        node = trivet.cluster.leader()
        done = common.load(trivet.network.client, node, trivet.cluster.answer, IN_FLIGHT, total, first=0,
                           seconds_max=SECONDS_MAX, address=node.address)
        if done["statuses"] != {"201": total}:
            raise AssertionError(f"{total} VIPs were to be made: {done}")
        common.harness.wait_for("all VIPs to be announced", self.all_announced, timeout=SETTLE_S, interval=2)

    def stored(self):
        answer = self.system.cluster.leader().ask("GET", "/v1/vips/default")
        assert answer.status == 200, answer
        return answer.body["items"]

    def all_announced(self):
        """By the counts: to list so many VIPs takes a node a second, in which it does nothing else."""
        phases = self.system.cluster.leader().ask("GET", "/v1/status").body["vips"]
        return all(count == 0 for phase, count in phases.items() if phase != "announced")

    def spread(self):
        """As at the beginning: what a dead node owned does not come back to it by itself."""
        self.system.cluster.leader().ask("POST", "/v1/cluster/rebalance")
        common.harness.wait_for("all VIPs to be announced", self.all_announced, timeout=SETTLE_S, interval=2)

    def owner_of_most(self):
        owned = collections.defaultdict(list)
        for vip in self.stored():
            owned[vip["status"]["owner"]] += [a for a in vip["status"]["addresses"] if is_v4(a)]
        name = max(owned, key=lambda owner: len(owned[owner]))
        return self.system.cluster.member(name), owned[name]


class ManyOfKeepalived:
    def __init__(self, keepalived):
        self.system = keepalived

    def make(self):
        """Its configuration has them."""

    def all_announced(self):
        return self.system.settled()

    def spread(self):
        """All belong to its master."""

    def owner_of_most(self):
        return self.system.owner(), [*filter(is_v4, self.system.vip_addresses), *self.system.extra]


def one_kill(network, many):
    system = many.system
    common.harness.wait_for(f"{system.name} to be settled", lambda: system.settled() and many.all_announced(),
                            timeout=SETTLE_S, interval=2)
    many.spread()
    owner, addresses = many.owner_of_most()
    listing = network.lab.dir / "addresses"
    listing.write_text("".join(address + "\n" for address in addresses))
    capture = failover_run.Instrument(network.client, "announcement_capture", "--interface", "eth0", "--addresses",
                                      listing, "--ignore", owner.place.mac, "--seconds-max", CAPTURE_S)
    if failover_run.line_within(capture.process, failover_run.READY_S) != "ready":
        raise AssertionError("the capture does not run")
    killed = failover_run.boot_now()
    system.kill(owner)
    seen = capture.report(timeout=CAPTURE_S + 5)
    system.reap(owner)
    system.start(owner)
    if seen["announced"] < seen["addresses"]:
        raise AssertionError(f"{system.name}: {seen['announced']} of {seen['addresses']} VIPs of {owner.name} were "
                             f"announced within {CAPTURE_S} s of its death")
    return {"system": system.name, "vips": seen["addresses"], "frames": seen["frames"],
            "frames_dropped": seen["frames_dropped"],
            "claim_ms": (seen["first"] - killed) / 1e6, "half_ms": (seen["median"] - seen["first"]) / 1e6,
            "all_ms": (seen["last"] - seen["first"]) / 1e6, "since_kill_ms": (seen["last"] - killed) / 1e6}


def measure_one(network, many, runs):
    many.make()
    rows = []
    for number in range(runs):
        figures = one_kill(network, many)
        common.emit(bench="failover-vips", run=number + 1, **figures)
        rows.append([figures["system"], number + 1, figures["vips"],
                     *(f"{figures[name]:.1f}" for name in ("claim_ms", "half_ms", "all_ms", "since_kill_ms"))])
    return rows


def extra_addresses(count):
    first = ipaddress.ip_address(keepalived_peer.VIP_V4) + 1
    return [str(first + n) for n in range(count - 1)]


def measure(options, network_of):
    """network_of: makes the network in a laboratory."""
    rows = []
    if options.profile:
        with common.laboratory() as lab:
            network = network_of(lab)
            trivet = Trivet(lab, network).form()
            trivet.set_profile(options.profile[0])
            rows += measure_one(network, ManyOfTrivet(trivet, options.vips), options.runs)
    if options.peers:
        with common.laboratory() as lab, Keepalived(lab, network_of(lab), ADVERT_MS, options.peer_realtime,
                                                    extra_addresses(options.vips)) as keepalived:
            rows += measure_one(keepalived.network, ManyOfKeepalived(keepalived), options.runs)
    common.table(["system", "run", "VIPs", "kill to first ms", "first to half ms", "first to last ms", "kill to last ms"],
                 rows)
