#!/usr/bin/env python3
"""Allocations per second over HTTPS, fsync on, at 1, 8, 64 and 256 in flight: ./dev bench allocate"""
import argparse

import common

parser = argparse.ArgumentParser(prog="./dev bench allocate", description=__doc__)
parser.add_argument("--requests", type=int, default=20000, help="at most this many for each row")
parser.add_argument("--seconds", type=int, default=10, help="at most this long for each row")
options = parser.parse_args()
common.need_root()

lab = common.harness.Lab()
try:
    lbd, answer, client = common.cluster_of_one(lab)
    rows, first = [], 0
    for in_flight in (1, 8, 64, 256):
        figures = common.load(client, lbd, answer, in_flight, options.requests, first, options.seconds)
        if set(figures["statuses"]) != {"201"}:
            raise AssertionError(f"not every allocation succeeded: {figures['statuses']}")
        first += options.requests
        common.emit(bench="allocate", system="trivet", nodes=1, **figures)
        rows.append([in_flight, figures["answers"], f"{figures['per_second']:.0f}", f"{figures['p50_ms']:.2f}",
                     f"{figures['p99_ms']:.2f}"])
    common.table(["in flight", "allocations", "per second", "p50 ms", "p99 ms"], rows)
finally:
    lab.close()
