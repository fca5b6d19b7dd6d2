#!/usr/bin/env python3
"""Allocations per second over HTTPS, fsync on, at 1, 8, 64 and 256 in flight: ./dev bench allocate

With --nodes 3: a cluster of three voters, and after it, on the same disk, three etcd members. One load program, TLS and
kept-alive connections for both; the load goes to the leader of each system.
"""
import argparse

import common
import etcd_peer

IN_FLIGHT = (1, 8, 64, 256)
COMPARED_AT = 64  # in flight: where the ratio is told
FAILED_MAX = 0.01  # part of the answers; more, and the rate means nothing

parser = argparse.ArgumentParser(prog="./dev bench allocate", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="3: beside etcd with three members")
parser.add_argument("--requests", type=int, default=20000, help="at most this many for each row")
parser.add_argument("--seconds", type=int, default=10, help="at most this long for each row")
options = parser.parse_args()
common.need_root()


def measure(system, machine, first=0, **request):
    """One row for each number in flight; {in_flight: figures}."""
    rows = {}
    for in_flight in IN_FLIGHT:
        figures = common.http_load(machine, in_flight=in_flight, requests=options.requests, first=first,
                                   seconds_max=options.seconds, **request)
        first += options.requests
        done = sum(count for status, count in figures["statuses"].items() if status.startswith("2"))
        if done < (1 - FAILED_MAX) * figures["answers"]:
            raise AssertionError(f"{system}: too many requests failed: {figures['statuses']}")
        figures["per_second"] = done / figures["seconds"]
        common.emit(bench="allocate", system=system, nodes=options.nodes, target="leader", **figures)
        rows[in_flight] = figures
    return rows


def measure_one_node():
    with common.laboratory() as lab:
        lbd, answer, client = common.cluster_of_one(lab)
        return measure("trivet", client, host="10.64.0.1", path=common.ALLOCATION_PATH, body=common.ALLOCATION,
                       token=answer["admin_token"], ca_file=lbd.dir / "data/pki/ca.crt")


def measure_three_nodes():
    with common.laboratory() as lab:
        cluster = common.cluster_of_three(lab)
        leader = cluster.leader()
        return measure("trivet", cluster.client, host=leader.address, path=common.ALLOCATION_PATH,
                       body=common.ALLOCATION, token=cluster.answer["admin_token"],
                       ca_file=cluster.ca_file)


def measure_etcd():
    with common.laboratory() as lab:
        switch, client = lab.bridge(), lab.host("client")
        lab.plug(switch, client, "eth0", f"{common.SUBNET}.250/{common.PREFIX_LENGTH}")
        etcd = etcd_peer.EtcdCluster(lab, switch, client, common.SUBNET, common.PREFIX_LENGTH)
        common.emit(bench="allocate", about="etcd", version=etcd.version(), filesystem=common.filesystem(lab.dir))
        return measure("etcd", client, host=etcd.leader().address, port=etcd_peer.CLIENT_PORT, path=etcd_peer.PUT,
                       body=etcd_peer.put_body(common.ALLOCATION), ca_file=etcd.ca_file)


def table(results):
    common.table(["system", "in flight", "done", "per second", "p50 ms", "p99 ms"], [
        [system, in_flight, figures["answers"], f"{figures['per_second']:.0f}", f"{figures['p50_ms']:.2f}",
         f"{figures['p99_ms']:.2f}"]
        for system, rows in results.items() for in_flight, figures in rows.items()])


if options.nodes == 1:
    table({"trivet": measure_one_node()})
else:
    results = {"trivet": measure_three_nodes(), "etcd": measure_etcd()}
    ours, theirs = (results[system][COMPARED_AT] for system in ("trivet", "etcd"))
    ratio, slower = ours["per_second"] / theirs["per_second"], ours["p99_ms"] / theirs["p99_ms"]
    common.emit(bench="allocate", nodes=3, in_flight=COMPARED_AT, rate_ratio=ratio, p99_ratio=slower)
    table(results)
    common.say(f"load to the leader of each system; at {COMPARED_AT} in flight trivet does {ratio:.2f} times etcd's rate, "
               f"with {slower:.2f} times its p99")
