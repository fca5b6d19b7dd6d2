#!/usr/bin/env python3
"""Outage that clients see when the owner of a VIP fails, beside keepalived: ./dev bench failover

Per system and fault: a fault at the owner of a VIP under UDP probes every millisecond and TCP connections every 10 ms over
IPv4 and IPv6, and a watcher that counts the time in which two machines claimed the VIP. One cluster of a system serves
all its runs: fault, heal, until it is settled again. docs/reference/benchmarks.md says how to read it.
"""
import argparse
import pathlib
import statistics

import common
import failover_run
import failover_vips
import timeline
from failover_network import FAULTS, Network
from failover_trivet import Trivet
from keepalived_peer import Keepalived

PROFILES = ("default", "fast", "fastest")
ADVERTS_MS = (100, 10)  # keepalived refuses less than 10
UDP, TCP = ("udp4", "udp6"), ("tcp4", "tcp6")


def names_of(known, none_means_nobody=True):
    def parse(text):
        names = [] if none_means_nobody and text == "none" else text.split(",")
        unknown = [n for n in names if n not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no '{unknown[0]}': {', '.join(known)}")
        return names
    return parse


parser = argparse.ArgumentParser(prog="./dev bench failover", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--runs", type=int, default=3, help="of each fault and system (default: 3)")
parser.add_argument("--faults", type=names_of(FAULTS, none_means_nobody=False), default=list(FAULTS),
                    help=f"A,B of {', '.join(FAULTS)} ('none' is the control); default: all")
parser.add_argument("--profile", type=names_of(PROFILES), default=["default"],
                    help="lease profiles of Trivet, A,B of default, fast, fastest; none: the peers alone")
parser.add_argument("--peers", type=names_of(("keepalived",)), default=["keepalived"], help="keepalived (default) or none")
parser.add_argument("--peer-realtime", action="store_true", help="run keepalived with real-time priority")
parser.add_argument("--fault-seconds", type=float, default=failover_run.FAULT_S, help="how long a fault lasts")
parser.add_argument("--heal-seconds", type=float, default=failover_run.HEAL_S, help="the least time that is watched then")
parser.add_argument("--svg", type=pathlib.Path, default=common.ROOT / "build/bench", help="where time lines are drawn")
parser.add_argument("--vips", type=int, help="instead: kill the owner of so many VIPs; until all are announced again")
options = parser.parse_args()
common.need_root()


def spread(values):
    return {"median": statistics.median(values), "worst": max(values)}


def summary(runs):
    """What the runs of one system and fault amount to, for programs."""
    outages = [run.outage for run in runs]
    by_leadership = {name: statistics.median(chosen) for name, leads in (("leader", True), ("follower", False))
                     if (chosen := [r.outage for r in runs if r.leads is leads])}
    return {"system": runs[0].system, "fault": runs[0].fault, "runs": len(runs),
            "median_ms": statistics.median(outages), "worst_ms": max(outages),
            **{s: spread([r.outage_ms(s) for r in runs]) for s in (*UDP, *TCP)},
            "median_ms_by_owner": by_leadership,
            "two_owner_ms": max(r.two_owner_ms("client") for r in runs),
            "two_owner_anywhere_ms": max(r.two_owner_ms("anywhere") for r in runs),
            "after_heal_ms": max(r.worst((*UDP, *TCP), "after") for r in runs),
            "lost": spread([r.lost("fault") for r in runs]), "lost_after_heal": max(r.lost("after") for r in runs),
            "owner_last_ms": max(r.owner_last_ms for r in runs), "still_out": sum(r.still_out for r in runs), "wrong_machine": sum(r.wrong_machine for r in runs),
            "stall_ms": max(max(r.probe["stall_ms"], r.watch["stall_ms"]) for r in runs)}


HEADER = ["system", "fault", "runs", "median ms", "worst ms", "tcp worst", "lost (worst)", "two owners ms", "anywhere ms",
          "after heal ms", "owner's last ms", "still out", "wrong machine", "stall ms"]


def cells(row):
    tcp = max(row[s]["worst"] for s in TCP)
    return [row["system"], row["fault"], row["runs"], f"{row['median_ms']:.1f}", f"{row['worst_ms']:.1f}", f"{tcp:.1f}",
            row["lost"]["worst"], f"{row['two_owner_ms']:.1f}", f"{row['two_owner_anywhere_ms']:.1f}",
            f"{row['after_heal_ms']:.1f}", f"{row['owner_last_ms']:.1f}",
            row["still_out"] or "", row["wrong_machine"] or "", f"{row['stall_ms']:.1f}"]


def each_system(visit):
    """visit(network, system) for each in a laboratory of its own, one after the other; Trivet's profiles share theirs."""
    if options.profile:
        with common.laboratory() as lab:
            network = Network(lab)
            trivet = Trivet(lab, network).form()
            failover_run.start_responders(network)
            for profile in options.profile:
                trivet.set_profile(profile)
                visit(network, trivet)
    for advert_ms in ADVERTS_MS if options.peers else ():
        with common.laboratory() as lab, Keepalived(lab, Network(lab), advert_ms, options.peer_realtime) as keepalived:
            failover_run.start_responders(keepalived.network)
            visit(keepalived.network, keepalived)


def main():
    if options.vips:
        failover_vips.measure(options, Network)
        return
    rows, shown = {fault: [] for fault in options.faults}, {fault: [] for fault in options.faults}

    def visit(network, system):
        for fault in options.faults:
            runs = []
            for number in range(options.runs):
                leads = number % 2 == 0  # every second run, where there is a leader
                runs.append(failover_run.one_run(network, system, fault, leads,
                                                 (options.fault_seconds, options.heal_seconds)))
                common.emit(bench="failover", run=number + 1, **runs[-1].figures())
            row = summary(runs)
            common.emit(bench="failover", **row)
            rows[fault].append(cells(row))
            shown[fault].append(min(runs, key=lambda r: abs(r.outage - row["median_ms"])))

    each_system(visit)
    options.svg.mkdir(parents=True, exist_ok=True)
    for fault, runs in shown.items():
        timeline.draw(options.svg / f"failover-{fault}.svg", runs)
    common.table(HEADER, [row for fault in options.faults for row in rows[fault]])
    common.say(f"time lines of the median runs: {options.svg}/failover-*.svg")


main()
