#!/usr/bin/env python3
"""Leader killed (SIGKILL) to first acknowledged write, three nodes, beside etcd: ./dev bench recover

Both elect after 150 to 300 ms without a leader. etcd is told so (--election-timeout 150, with the longest heartbeat that
it then allows, 30 ms); Trivet's are built in. A client writes through both survivors all the time, one write every 10 ms
to each, over kept-alive TLS connections; the time ends with the first acknowledgement of a write that was sent after the
leader's process was gone.
"""
import argparse
import contextlib
import json
import math
import subprocess
import sys
import time

import common
import etcd_peer

ELECTION_MS, HEARTBEAT_MS = 150, 30
NUMBERS_A_ROUND = 1_000_000  # so that no name is used twice

parser = argparse.ArgumentParser(prog="./dev bench recover", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=20, help="kills of each system's leader")
options = parser.parse_args()
common.need_root()


def one_round(number, client, kill, **job):
    """Milliseconds from the kill to the first acknowledged write after it; kill() returns when the process is gone."""
    job["first"] = number * NUMBERS_A_ROUND
    writer = client.start(sys.executable, common.ROOT / "bench/first_write.py", json.dumps(job),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if writer.stdout.readline() != "ready\n":
        raise AssertionError("writing through the survivors-to-be failed while all was well")
    killed_at = time.monotonic()
    kill()
    answer = json.loads(writer.communicate(f"{time.monotonic()}\n", timeout=60)[0])
    if answer["acknowledged_at"] is None:
        raise AssertionError("no write was acknowledged after the leader was killed")
    return 1000 * (answer["acknowledged_at"] - killed_at)


def measure_trivet():
    with common.laboratory() as lab:
        cluster = common.cluster_of_three(lab)
        for number in range(options.rounds):
            leader = cluster.leader()
            yield one_round(number, cluster.client, leader.kill,
                            targets=[[n.address, 7480] for n in cluster.nodes if n is not leader],
                            path=common.ALLOCATION_PATH, body=common.ALLOCATION, ca_file=str(cluster.ca_file),
                            headers={"Authorization": "Bearer " + cluster.answer["admin_token"]})
            leader.start()
            cluster.wait_until_serving()


def measure_etcd():
    with common.laboratory() as lab:
        switch, client = lab.bridge(), lab.host("client")
        lab.plug(switch, client, "eth0", f"{common.SUBNET}.250/{common.PREFIX_LENGTH}")
        etcd = etcd_peer.EtcdCluster(lab, switch, client, common.SUBNET, common.PREFIX_LENGTH, (
            "--election-timeout", ELECTION_MS, "--heartbeat-interval", HEARTBEAT_MS))
        for number in range(options.rounds):
            leader = common.harness.wait_for("etcd to have a leader", etcd.leader, timeout=30)
            yield one_round(number, client, lambda: etcd.kill(leader),
                            targets=[[m.address, etcd_peer.CLIENT_PORT] for m in etcd.members if m is not leader],
                            path=etcd_peer.PUT, body=etcd_peer.put_body(common.ALLOCATION), headers={},
                            ca_file=str(etcd.ca_file))
            etcd.start(leader)
            common.harness.wait_for("all members to follow", etcd.all_follow, timeout=30)


def summary(system, rounds):
    """Prints every round and what they amount to."""
    times = []
    with contextlib.closing(rounds):  # it takes its laboratory down, whatever ends this
        for milliseconds in rounds:
            times.append(milliseconds)
            common.emit(bench="recover", system=system, round=len(times), ms=milliseconds)
    ordered = sorted(times)
    figures = {f"p{q}_ms": ordered[math.ceil(q / 100 * len(ordered)) - 1] for q in (50, 90)}
    figures["max_ms"] = ordered[-1]
    common.emit(bench="recover", system=system, nodes=3, rounds=len(times), election_timeout_ms=ELECTION_MS, **figures)
    return [system, len(times), *(f"{value:.0f}" for value in figures.values())]


rows = [summary("trivet", measure_trivet()), summary("etcd", measure_etcd())]
common.table(["system", "kills", "p50 ms", "p90 ms", "max ms"], rows)
common.say(f"both elect after {ELECTION_MS} to {2 * ELECTION_MS} ms without a leader; writes go through the survivors")
