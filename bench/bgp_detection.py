#!/usr/bin/env python3
"""How soon a failure ends a BGP session, and how seldom nothing does, beside BIRD: ./dev bench bgp-detection

detection: the announcer is killed (kill), stopped (stop) or parted from the router without loss of carrier (cut),
until the router's kernel has lost all its routes; the router is stopped (router-stop) or parted (cut), until the
announcer ends the session. Trivet announces, or BIRD in its place; the router is BIRD for both. All sessions live side
by side, each in a network of its own, and have their faults in turn.
false-alarms: all sessions side by side, first at rest (the control), then with two busy loops for each processor; how
often BFD went down, and at which end that began. docs/reference/benchmarks.md says how to read it.
"""
import argparse
import collections
import contextlib
import statistics
import time

import common
import metronome
from bgp_alarms import Alarms
from bgp_pair import FAULTS, SYSTEMS, Pair, Profile

PARTS = ("detection", "false-alarms")
FIGURES = {"routes_gone": "routes gone", "node_bgp": "session ended by announcer"}


def names_of(known):
    def parse(text):
        names = text.split(",")
        if unknown := [n for n in names if n not in known]:
            raise argparse.ArgumentTypeError(f"no '{unknown[0]}': {', '.join(known)}")
        return names
    return parse


def profiles_of(text):
    return [Profile.named(name) for name in text.split(",")]


parser = argparse.ArgumentParser(prog="./dev bench bgp-detection", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--profiles", type=profiles_of, default="10x3,50x3,100x3,hold3",
                    help="A,B: 10x3 is BFD every 10 ms with a multiplier of 3, hold3 a hold time of 3 s without BFD "
                         "(default: 10x3,50x3,100x3,hold3)")
parser.add_argument("--runs", type=int, default=20, help="of each fault and profile (default: 20)")
parser.add_argument("--hold-runs", type=int, default=10, help="the same where there is no BFD (default: 10)")
parser.add_argument("--faults", type=names_of(FAULTS), default=list(FAULTS), help=f"A,B of {', '.join(FAULTS)}")
parser.add_argument("--load-seconds", type=float, default=600, help="how long the processors are busy (default: 600)")
parser.add_argument("--rest-seconds", type=float, help="how long they are not, before (default: as long)")
parser.add_argument("--systems", type=names_of(SYSTEMS), default=list(SYSTEMS), help=f"A,B of {', '.join(SYSTEMS)}")
parser.add_argument("--parts", type=names_of(PARTS), default=list(PARTS), help=f"A,B of {', '.join(PARTS)}")
options = parser.parse_args()
common.need_root()


def emit(part, **figures):
    common.emit(bench="bgp-detection", part=part, **figures)


# ---- detection ----------------------------------------------------------------------------------
def spread(values):
    return {"median": round(statistics.median(values), 1), "best": round(min(values), 1),
            "worst": round(max(values), 1)}


def detect(pairs):
    """{(profile, fault): {system: [what was seen in each run]}}. The pairs take turns: one that was disturbed comes to
    rest while others are measured."""
    seen = collections.defaultdict(lambda: collections.defaultdict(list))
    for number in range(options.runs):
        for fault in options.faults:
            # Every second time the other way round, so that nobody always comes after the same.
            for pair in pairs if number % 2 == 0 else reversed(pairs):
                if pair.profile.bfd is None and number >= options.hold_runs:
                    continue
                events, failed_before = pair.measure(FAULTS[fault])
                seen[pair.profile, fault][pair.system].append(events)
                emit("detection", run=number + 1, system=pair.system, profile=pair.profile.name, fault=fault,
                     failed_before=failed_before,
                     **{f"{event}_ms": round(at, 1) for event, at in sorted(events.items())})
    return seen


def report_detection(seen):
    header = ["profile", "fault", "until", "runs"]
    for system in options.systems:
        header += [f"{system} median ms", "worst"]
    rows = []
    for (profile, fault), by_system in sorted(seen.items(), key=row_order):
        for event in sorted(FAULTS[fault].awaited, reverse=True):
            spreads = {system: spread([run[event] for run in runs]) for system, runs in by_system.items()}
            count = max(map(len, by_system.values()))
            emit("detection", profile=profile.name, fault=fault, until=event, runs=count, milliseconds=spreads)
            cells = [profile.name, fault, FIGURES[event], count]
            for system in options.systems:
                cells += [f"{spreads[system]['median']:.1f}", f"{spreads[system]['worst']:.1f}"]
            rows.append(cells)
    common.table(header, rows)


def row_order(item):
    profile, fault = item[0]
    return options.profiles.index(profile), options.faults.index(fault)


# ---- false alarms -------------------------------------------------------------------------------
ALARMS = ("announcer_missed", "announcer_told", "router_missed", "router_told", "bgp_ended", "without_bgp_s")


def watch_alarms(pairs, scene, seconds, pass_time):
    """Counts what happens to all pairs while pass_time() lasts. Returns rows of the table."""
    for pair in pairs:
        pair.settle()
    watched = [Alarms(pair) for pair in pairs]
    with metronome.running() as machine:
        pass_time(seconds)
    rows = []
    counted = [(alarms.pair, alarms.counts(), alarms.realtime()) for alarms in watched]
    for pair, counts, realtime in counted:
        emit("false-alarms", scene=scene, seconds=seconds, announcer=pair.system, router=pair.router_system,
             profile=pair.profile.name, **counts, **realtime)
        rows.append([scene, pair.profile.name, pair.system, pair.router_system,
                     *(counts[name] for name in ALARMS)])
    emit("false-alarms", scene=scene, seconds=seconds, machine=machine)
    common.say(f"{scene}: a real-time thread of nobody was late by {machine['worst_ms']} ms at worst, "
               f"{machine['late_10_ms']} times by more than 10 ms")
    return rows


def report_alarms(pairs):
    rest = options.load_seconds if options.rest_seconds is None else options.rest_seconds
    rows = watch_alarms(pairs, "rest", rest, time.sleep) if rest else []
    rows += watch_alarms(pairs, "load", options.load_seconds, common.burn)
    common.table(["scene", "profile", "announcer", "router", *(name.replace("_", " ") for name in ALARMS)], rows)


# ---- all ----------------------------------------------------------------------------------------
def main():
    with contextlib.ExitStack() as stack:
        def pair(*what):
            return Pair(stack.enter_context(common.laboratory()), *what)

        pairs = [pair(system, profile) for profile in options.profiles for system in options.systems]
        if "detection" in options.parts:
            with metronome.running() as machine:
                seen = detect(pairs)
            emit("detection", machine=machine)
            report_detection(seen)
        if "false-alarms" in options.parts:
            watched = [each for each in pairs if each.profile.bfd]
            if "trivet" in options.systems:  # both ends of real-time priority
                watched += [pair("trivet", profile, "trivet") for profile in options.profiles if profile.bfd]
            report_alarms(watched)


main()
