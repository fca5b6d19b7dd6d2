#!/usr/bin/env python3
"""Resident memory of lbd and its CPU at rest, with 10 and with 10,000 VIPs: ./dev bench memory"""
import argparse
import time

import common

parser = argparse.ArgumentParser(prog="./dev bench memory", description=__doc__)
parser.add_argument("--rest-seconds", type=int, default=10, help="how long CPU at rest is measured")
options = parser.parse_args()
common.need_root()


def measure(lbd, vips):
    # At rest means that the take-over announcements (the last after 4.4 s) are over.
    time.sleep(6)
    before = sum(common.thread_cpu_seconds(lbd.process.pid).values())
    time.sleep(options.rest_seconds)
    cpu = (sum(common.thread_cpu_seconds(lbd.process.pid).values()) - before) / options.rest_seconds
    resident, anonymous = (common.status_field(lbd.process.pid, f) for f in ("VmRSS", "RssAnon"))
    common.emit(bench="memory", vips=vips, resident_mib=resident / 1024, anonymous_mib=anonymous / 1024,
                cpu_percent_of_a_core=cpu * 100)
    return [vips, f"{resident / 1024:.1f}", f"{anonymous / 1024:.1f}", f"{cpu * 100:.2f}"]


lab = common.harness.Lab()
try:
    lbd, answer, client = common.cluster_of_one(lab)
    common.load(client, lbd, answer, 1, 10, 0)
    rows = [measure(lbd, 10)]
    common.load(client, lbd, answer, 64, 9990, 10, 120)
    count = len(lbd.json("vip", "list")["items"])
    if count != 10000:
        raise AssertionError(f"{count} VIPs instead of 10,000")
    rows.append(measure(lbd, count))
    common.table(["VIPs", "resident MiB", "of it anonymous", "CPU %"], rows)
finally:
    lab.close()
