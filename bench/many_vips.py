#!/usr/bin/env python3
"""What changes and strain cost many VIPs under traffic: ./dev bench many-vips

Three nodes, a client that pings every VIP. Per scene: the VIPs that moved, the answers that were lost on VIPs that moved
and on those that did not, and the gates that closed unplanned (a right that ran out or was refused). Scenes: moves (by
hand, at random), members (join, drain, undrain, leave), stalls (70 ms, of an owner and of another node), load (every
processor busy). docs/reference/benchmarks.md says how to read it.
"""
import argparse
import collections
import random
import re
import signal
import subprocess
import time

import common
from common import clusters, harness

POOL = "10.64.16.0-10.64.79.255"
CREATE_AT_ONCE = 50  # VIPs in one request
SETTLE_S = 120
PING_TIMEOUT_MS = 400
LAST_PINGS = 6       # of each VIP: may be on their way when the ping ends
PINGS_PER_SECOND_MAX = 6000  # of fping: 65,536 sequence numbers, each taken for ten seconds
STALL_S = 0.07
COUNTER = re.compile(r"^trivet_lease_closed_unplanned_total (\d+)", re.MULTILINE)
SCENES = ("moves", "members", "stalls", "load")


def scenes_of(text):
    names = text.split(",")
    if unknown := [n for n in names if n not in SCENES]:
        raise argparse.ArgumentTypeError(f"no '{unknown[0]}': {', '.join(SCENES)}")
    return names


parser = argparse.ArgumentParser(prog="./dev bench many-vips", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--vips", type=int, default=1000)
parser.add_argument("--scenes", type=scenes_of, default=list(SCENES), help="A,B of " + ", ".join(SCENES) + "; default: all")
parser.add_argument("--moves", type=int, default=200, help="of single VIPs (default: 200)")
parser.add_argument("--stalls", type=int, default=50, help="of each kind (default: 50)")
parser.add_argument("--load-seconds", type=float, default=60, help="how long the processors are busy (default: 60)")
parser.add_argument("--ping-ms", type=int, default=200, help="between two pings of one VIP (default: 200)")
parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
options = parser.parse_args()
common.need_root()
if options.vips * 1000 / options.ping_ms > PINGS_PER_SECOND_MAX:
    parser.error(f"fping can tell {PINGS_PER_SECOND_MAX} pings a second apart: fewer VIPs, or a longer --ping-ms")


class Traffic:
    """Pings of all VIPs while a with-block lasts. Bounded: it ends by itself after ten more minutes than it may take."""

    def __init__(self, cluster, addresses):
        listing = cluster.lab.dir / "targets"
        listing.write_text("".join(a + "\n" for a in addresses))
        rounds = int((options.load_seconds + 600) * 1000 / options.ping_ms)
        self.command = ("fping", "-q", "-C", rounds, "-i", "0.01", "-p", options.ping_ms, "-t", PING_TIMEOUT_MS,
                        "-f", listing)
        self.client, self.lost, self.sent = cluster.client, {}, 0

    def __enter__(self):
        self.process = self.client.start(*self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1)  # some answers of before
        return self

    def __exit__(self, *_):
        time.sleep(1)  # and of after
        if self.process.poll() is not None:
            raise AssertionError(f"fping ended by itself: {self.process.communicate()[1][-500:]}")
        self.process.send_signal(signal.SIGINT)
        _, printed = self.process.communicate(timeout=60)
        for line in printed.splitlines():
            address, colon, times = line.partition(" : ")
            if not colon:
                continue
            results = times.split()[:-LAST_PINGS]
            self.sent += len(results)
            self.lost[address.strip()] = results.count("-")


class Many:
    """The cluster and its VIPs."""

    def __init__(self, lab):
        self.cluster = clusters.Cluster(lab, common.SUBNET, common.PREFIX_LENGTH).form(3)
        self.cluster.create_pool(POOL)
        leader = self.cluster.leader()
        for first in range(0, options.vips, CREATE_AT_ONCE):
            items = [{"kind": "vip", "name": f"v{n}", "pool": "lan", "delivery": "bind"}
                     for n in range(first, min(first + CREATE_AT_ONCE, options.vips))]
            answer = leader.ask("POST", "/v1/apply", {"items": items})
            assert answer.status == 200, answer
        self.settle()
        self.addresses = {v["name"]: v["status"]["addresses"][0] for v in self.stored()}

    def stored(self):
        answer = self.cluster.leader().ask("GET", "/v1/vips/default")
        assert answer.status == 200, answer
        return answer.body["items"]

    def owners(self):
        return {v["name"]: v["status"]["owner"] for v in self.stored()}

    def settle(self):
        """Every VIP is announced, and every node that carries VIPs a candidate of each."""
        def settled():
            serving = [n for n in self.cluster.nodes if n.running()]
            listed = [v["status"] for v in self.stored()]
            full = max(len(s["standbys"]) for s in listed)
            return full and all(s["phase"] == "announced" and len(s["standbys"]) == full for s in listed) and \
                all(clusters.answers(n) for n in serving)
        harness.wait_for("every VIP to be announced, with its standbys", settled, timeout=SETTLE_S, interval=0.5)

    def closed_unplanned(self):
        total = 0
        for node in self.cluster.nodes:
            if node.running():
                text = harness.run("curl", "-s", "-m", "20", "--unix-socket", node.socket, "http://lbd/metrics").stdout
                found = COUNTER.search(text)  # a node that has not joined yet has no leases
                total += int(found.group(1)) if found else 0
        return total

    def fences(self):
        items = self.cluster.leader().ask("GET", "/v1/events?limit=1000").body["items"]
        return sum(e["type"] == "node_fenced" for e in items)


def scene(many, name, change):
    """Runs change() under traffic and tells what it cost."""
    before, closed, fences = many.owners(), many.closed_unplanned(), many.fences()
    begun = time.monotonic()
    with Traffic(many.cluster, many.addresses.values()) as traffic:
        touched = change() or set()
        took = time.monotonic() - begun
        many.settle()
    after = many.owners()
    moved = {n for n in after if after[n] != before.get(n)} | touched
    lost = {n: traffic.lost.get(a, 0) for n, a in many.addresses.items()}
    balance = dict(sorted(collections.Counter(after.values()).items()))
    common.emit(bench="many-vips", scene=name, vips=len(after), seconds=round(took, 1), moved=len(moved),
                answers=traffic.sent, lost_of_moved=sum(lost[n] for n in moved),
                lost_of_others=sum(lost[n] for n in lost if n not in moved),
                others_with_loss=sum(lost[n] > 0 for n in lost if n not in moved),
                closed_unplanned=many.closed_unplanned() - closed, fences=many.fences() - fences, balance=balance)
    return [name, f"{took:.1f}", len(moved), traffic.sent, sum(lost[n] for n in moved),
            sum(lost[n] for n in lost if n not in moved), many.closed_unplanned() - closed, many.fences() - fences,
            " ".join(f"{n}:{c}" for n, c in balance.items())]


def random_moves(many):
    chance, touched = random.Random(options.seed), set()
    names = sorted(many.addresses)
    owners = many.owners()
    for _ in range(options.moves):
        name = chance.choice(names)
        target = chance.choice([n.name for n in many.cluster.nodes if n.name != owners[name]])
        answer = many.cluster.leader().ask("POST", f"/v1/vips/default/{name}/move", {"node": target})
        assert answer.status == 200, answer
        owners[name] = target
        touched.add(name)
        time.sleep(chance.uniform(0, 0.05))
    return touched


def members(many):
    cluster, rows = many.cluster, []
    extra = cluster.add()
    rows.append(scene(many, "join", lambda: cluster.join(extra) and None))
    second = cluster.nodes[1]
    wait = ("--timeout", "60", "node")
    rows.append(scene(many, "drain", lambda: second.lbctl(*wait, "drain", second.name, "--wait", timeout=90) and None))
    rows.append(scene(many, "undrain", lambda: second.lbctl("node", "undrain", second.name) and None))

    def leave():
        leader = cluster.leader()
        leader.lbctl(*wait, "drain", extra.name, "--wait", timeout=90)
        leader.lbctl("cluster", "remove", extra.name)
        extra.terminate()
        cluster.nodes.remove(extra)
    rows.append(scene(many, "leave", leave))
    return rows


def stall(node):
    for _ in range(options.stalls):
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        node.process.send_signal(signal.SIGCONT)
        time.sleep(0.2)


def stalls(many):
    leader = many.cluster.leader()
    other = next(n for n in many.cluster.nodes if n is not leader)
    return [scene(many, "stalls of the leader", lambda: stall(leader)),
            scene(many, "stalls of another", lambda: stall(other))]


def main():
    common.say(f"seed {options.seed}")
    rows = []
    with common.laboratory() as lab:
        many = Many(lab)
        clusters.need_programs("fping")
        rows.append(scene(many, "nothing", lambda: time.sleep(5)))
        if "moves" in options.scenes:
            rows.append(scene(many, "moves", lambda: random_moves(many)))
        if "members" in options.scenes:
            rows += members(many)
        if "stalls" in options.scenes:
            rows += stalls(many)
        if "load" in options.scenes:
            rows.append(scene(many, "load", lambda: common.burn(options.load_seconds)))
    common.table(["scene", "s", "moved", "answers", "lost, moved", "lost, others", "closed unplanned", "fences", "balance"],
                 rows)


main()
