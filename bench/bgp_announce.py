#!/usr/bin/env python3
"""What it costs to announce many routes over an established session, and to withdraw them: ./dev bench bgp-announce

One after the other lbd, BIRD, FRR and GoBGP announce the same routes to a BIRD. Each knows them all before it has the
neighbour, and holds them back; the clock runs from the command that releases them until the router's table has them.
docs/reference/benchmarks.md says how to read it.
"""
import argparse
import concurrent.futures
import pathlib
import statistics
import time

import common
from bgp_network import NODE, Network
from bgp_receiver import Receiver
from bgp_routes import BLOCK_ADDRESSES, BLOCKS_MAX, Routes, sessions
from bgp_senders import BirdSender, FrrSender, GobgpSender
from bgp_trivet import Trivet

SENDERS = {each.name: each for each in (Trivet, BirdSender, FrrSender, GobgpSender)}
ESTABLISHED_S, WATCH_S = 60, 120
QUIET_LOOK_S, QUIET_CPU_S, QUIET_LOOKS = 0.1, 0.001, 50
REST_S = 2  # between two changes, and the time in which a sender at rest is watched
HEADER = ["sender", "routes", "change", "s", "last UPDATE s", "before it", "CPU s", "router's CPU s", "MiB",
          "above rest", "peak", "UPDATEs"]


def counts_of(text):
    counts = sorted({int(word) for word in text.split(",")})
    if counts[0] < 1 or len(counts) > BLOCKS_MAX or counts[-1] > BLOCK_ADDRESSES:
        raise argparse.ArgumentTypeError(f"1 to {BLOCK_ADDRESSES} routes, and at most {BLOCKS_MAX} counts")
    return counts


def senders_of(text):
    names = text.split(",")
    if unknown := [name for name in names if name not in SENDERS]:
        raise argparse.ArgumentTypeError(f"no '{unknown[0]}': {', '.join(SENDERS)}")
    return names


parser = argparse.ArgumentParser(prog="./dev bench bgp-announce", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--routes", type=counts_of, default=[1000, 10_000, 100_000], metavar="A,B",
                    help="how many to announce; all senders know the most of them (default: 1000,10000,100000)")
parser.add_argument("--senders", type=senders_of, default=list(SENDERS), metavar="A,B",
                    help="of " + ", ".join(SENDERS) + "; default: all")
parser.add_argument("--runs", type=int, default=3, help="how often each is done, for a median (default: 3)")
parser.add_argument("--calls", type=int, default=3, help="how often lbd is asked each question (default: 3)")
options = parser.parse_args()
common.need_root()


def quiet(*processes):
    """Until they do next to nothing, for a bounded time: what is put off belongs to the change, too."""
    used = [each.cpu_seconds() for each in processes]
    for _ in range(QUIET_LOOKS):
        time.sleep(QUIET_LOOK_S)
        now = [each.cpu_seconds() for each in processes]
        if all(after - before < QUIET_CPU_S for before, after in zip(used, now)):
            return
        used = now


def threads(sender):
    """CPU seconds by thread; of the threads of one name together."""
    used = {}
    for pid in sender.pids():
        for name, seconds in common.thread_run_seconds(pid).items():
            used[name] = used.get(name, 0) + seconds
    return used


def measure(sender, receiver, number):
    """Announces the set of that number (None: withdraws all) and returns the figures of it."""
    wanted = 0 if number is None else options.routes[number]
    held = receiver.count()
    sender.prepare(number)
    with receiver.capture() as capture, concurrent.futures.ThreadPoolExecutor(1) as helper:
        time.sleep(REST_S)
        quiet(sender, receiver)
        assert receiver.count() == held, f"{sender.name} did not wait for its command"
        for pid in sender.pids():
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins anew
        cpu, router_cpu, by_thread = sender.cpu_seconds(), receiver.cpu_seconds(), threads(sender)
        wall, begun = time.time(), time.monotonic()
        command = helper.submit(lambda: sender.act() or time.monotonic() - begun)
        seen, unseen = receiver.watch(wanted, WATCH_S)
        command_s = command.result()
        quiet(sender, receiver)
        cpu, router_cpu = sender.cpu_seconds() - cpu, receiver.cpu_seconds() - router_cpu
        by_thread = {name: used - by_thread.get(name, 0) for name, used in threads(sender).items()}
        updates = capture.updates(NODE["ipv4"])
    assert receiver.counted_in_table() == wanted, f"{receiver.counted_in_table()} routes in the router's table"
    return {"seconds": seen - begun, "looked_before_s": seen - unseen, "command_s": command_s,
            "first_update_s": updates.times[0] - wall, "before_last_update_s": updates.times[-2:][0] - wall,
            "last_update_s": updates.times[-1] - wall, "cpu_s": cpu, "router_cpu_s": router_cpu,
            "resident_mib": sender.kib("VmRSS") / 1024, "peak_mib": sender.kib("VmHWM") / 1024,
            "updates": len(updates.times), "update_bytes": updates.octets, "cpu_s_by_thread": by_thread}


def told(sender, rest_mib, number, change, runs):
    """Emits the medians of the runs; returns the row of the table."""
    middle = {name: round(statistics.median(run[name] for run in runs), 4) for name in runs[0]
              if name != "cpu_s_by_thread"}
    names = {name for run in runs for name in run["cpu_s_by_thread"]}
    by_thread = {name: round(statistics.median(run["cpu_s_by_thread"].get(name, 0) for run in runs), 4)
                 for name in sorted(names)}
    above, peak = middle["resident_mib"] - rest_mib, middle["peak_mib"] - rest_mib
    common.emit(bench="bgp-announce", sender=sender.name, routes=options.routes[number], change=change, runs=len(runs),
                **middle, above_rest_mib=round(above, 2), peak_above_rest_mib=round(peak, 2),
                seconds_each=[round(run["seconds"], 4) for run in runs],
                cpu_s_by_thread={name: used for name, used in by_thread.items() if used})
    return [sender.name, options.routes[number], change, f"{middle['seconds']:.3f}", f"{middle['last_update_s']:.3f}",
            f"{middle['before_last_update_s']:.3f}", f"{middle['cpu_s']:.3f}", f"{middle['router_cpu_s']:.3f}",
            f"{middle['resident_mib']:.1f}", f"{above:.1f}", f"{peak:.1f}", f"{middle['updates']:.0f}"]


def at_rest(sender, load_s):
    """Emits what it is like without the neighbour; returns its memory then."""
    quiet(sender)
    used = sender.cpu_seconds()
    time.sleep(REST_S)
    rest_mib = sender.kib("VmRSS") / 1024
    more = {"start_s": round(sender.start_seconds, 3)} if isinstance(sender, Trivet) else {}
    common.emit(bench="bgp-announce", sender=sender.name, known=sender.routes.total, load_s=round(load_s, 2), **more,
                rest_mib=round(rest_mib, 2), rest_cpu_percent=round((sender.cpu_seconds() - used) / REST_S * 100, 2))
    return rest_mib


def ask(sender):
    """How long lbd takes to answer while the most is announced."""
    for call, middle, longest, size in sender.latencies(options.calls):
        common.emit(bench="bgp-announce", sender=sender.name, vips=sender.routes.total, call=call,
                    median_ms=round(middle, 2), longest_ms=round(longest, 2), bytes=size)
        common.say(f"{sender.name}: {call}: {middle:.1f} ms, at most {longest:.1f}")


def campaign(lab, sender_class):
    network = Network(lab)
    ours, theirs = sessions()
    sender = sender_class(network, Routes(options.routes))
    begun = time.monotonic()
    sender.load()
    rest_mib = at_rest(sender, time.monotonic() - begun)
    receiver = Receiver(network.router, theirs).start()
    sender.connect(ours)
    receiver.wait_established(ESTABLISHED_S)
    time.sleep(REST_S)  # FRR has a second thought about what it announces first
    rows = []
    for number in range(len(options.routes)):
        runs = [(measure(sender, receiver, number), measure(sender, receiver, None)) for _ in range(options.runs)]
        rows += [told(sender, rest_mib, number, change, each)
                 for change, each in zip(("announce", "withdraw"), zip(*runs))]
    if isinstance(sender, Trivet) and options.calls:
        measure(sender, receiver, len(options.routes) - 1)
        ask(sender)
    return rows


rows = []
for name in options.senders:
    with common.laboratory() as lab:
        rows += campaign(lab, SENDERS[name])
common.table(HEADER, rows)
