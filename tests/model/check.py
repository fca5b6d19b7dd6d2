#!/usr/bin/env python3
"""Searches the model of leases (lease.pml) exhaustively: with all rules no two gates are ever open, and with a rule
taken out two are. It fails when a search does not complete, finds two open gates under the real rules, or does not
find them under a weakened rule that the model covers; also when a rule that is masked is masked no longer, because
docs/internals/lease-model.md says which are."""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = pathlib.Path(__file__).resolve().parent / "lease.pml"
WORK = ROOT / "build/model"
MEMORY_MAX = 8 << 30  # of one search, in bytes
SECONDS_MAX = 600     # of processor time, of one search
DEPTH_MAX = 2_000_000  # twenty times what a search has needed; too little counts as incomplete

safe, two_gates = "safe", "two open gates"


@dataclasses.dataclass(frozen=True)
class Search:
    name: str
    macros: str
    expected: str
    short: bool = False  # also in the normal test run


def real(plan, faults, short=False):
    return Search(f"all rules, {plan.lower()} {faults.lower()}".rstrip(), f"PLAN_{plan} {faults}", safe, short)


def weak(name, macros, short=False):
    return Search(name, macros, two_gates, short)


def masked(name, macros):
    return Search(name, macros, safe)


SEARCHES = [
    real("NONE", "RESTART", short=True),
    real("NONE", "RESTART RELEASE DELAYED_ACKS"),
    real("SWAP", "DELAYED_ACKS", short=True),
    real("SWAP", "RESTART"),
    real("SWAP", "RELEASE"),
    real("DROP", "DELAYED_ACKS"),
    real("DROP", "RESTART"),
    real("RECREATE", "DELAYED_ACKS"),
    real("ADMIT", "DELAYED_ACKS"),
    real("TWO", ""),
    weak("P2 a list change asks for nothing", "PLAN_SWAP NO_P2_AFTER", short=True),
    weak("P2 the same where a node leaves the list", "PLAN_DROP NO_P2_AFTER"),
    weak("P2 after is forgotten at the next change", "PLAN_TWO NO_P2_KEEP"),
    weak("P2 no past", "PLAN_RECREATE NO_P2_PAST"),
    weak("P3 admitted at its old place", "PLAN_ADMIT NO_P3", short=True),
    weak("V1 no silence after a start", "PLAN_NONE RESTART NO_V1", short=True),
    weak("V1 silence, but not towards itself", "PLAN_NONE RESTART NO_V1_SELF"),
    weak("V4 nobody is refused", "PLAN_NONE NO_V4", short=True),
    weak("V5 a fence want is confirmed, the floor not kept", "PLAN_NONE NO_V5_FENCE"),
    weak("V5 a generation want is confirmed, the floor not kept", "PLAN_SWAP NO_V5_GEN"),
    weak("V6 an ACK without a promise", "PLAN_NONE NO_V6_PROMISE"),
    weak("V6 confirmed is the floor, the promise alive or not", "PLAN_SWAP NO_V6_MIN"),
    weak("V5 and V6 a fence is confirmed although the promise is alive", "PLAN_NONE NO_V5_BLOCK NO_V6_MIN", short=True),
    weak("V6 the clock is read before the RENEW is received", "PLAN_NONE NO_V6_CLOCK"),
    weak("V7 an applied plan ends a promise", "PLAN_SWAP NO_V7_ALIVE"),
    weak("V7 a recorded fence ends a promise", "PLAN_ADMIT NO_V7_ALIVE"),
    weak("V8 a RELEASE of an older boot is taken", "PLAN_NONE RESTART RELEASE NO_V8_BOOT"),
    weak("H1 the gate is left open at a start", "PLAN_NONE RESTART RELEASE NO_H1"),
    weak("H1 the same, and a plan change meanwhile", "PLAN_SWAP RESTART NO_H1"),
    weak("H2 who is behind needs nothing of who is ahead", "PLAN_NONE NO_H2"),
    weak("H3 an ACK of the boot before counts", "PLAN_NONE RESTART RELEASE DELAYED_ACKS NO_H3_BOOT"),
    weak("H4 receive time in place of send time", "PLAN_NONE DELAYED_ACKS NO_H4_SENT", short=True),
    weak("H4 one voter is enough", "PLAN_NONE NO_H4_MAJORITY"),
    weak("H4 the drift bound is broken: a right outlasts a promise", "PLAN_NONE LH=3", short=True),
    weak("H5 the new gen is sent before the gate is closed", "PLAN_SWAP NO_H5", short=True),
    weak("H6 RELEASE is sent before the gate is closed", "PLAN_NONE RELEASE NO_H6_CLOSE", short=True),
    weak("H6 it renews and opens again after RELEASE", "PLAN_NONE RELEASE NO_H6_STOP"),
    masked("V1 floors do not start from the plan", "PLAN_SWAP RESTART NO_V1_FLOORS"),
    masked("V2 a RENEW of an older boot is taken", "PLAN_NONE RESTART RELEASE NO_V2"),
    masked("V4 the sender's own floor is not raised", "PLAN_SWAP NO_V4_FLOOR"),
    masked("V5 a fence want raises the floor although the promise is alive", "PLAN_SWAP NO_V5_BLOCK"),
    masked("V6 confirmed is the floor, and nothing but fences", "PLAN_NONE NO_V6_MIN"),
    masked("V7 an applied plan raises no floors", "PLAN_SWAP NO_V7"),
    masked("V8 a RELEASE raises no floor", "PLAN_NONE RESTART RELEASE NO_V8_FLOOR"),
    masked("V8 a RELEASE ends a promise of a later epoch", "PLAN_ADMIT RELEASE NO_V8_EPOCH"),
    masked("H3 an ACK of the epoch before counts", "PLAN_ADMIT NO_H3_EPOCH"),
]


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))


def build(search, folder, flags):
    """pan, the verifier that spin generates from the model."""
    folder.mkdir(parents=True, exist_ok=True)
    for trail in folder.glob("*.trail"):
        trail.unlink()
    macros = [f"-D{macro}" for macro in search.macros.split()]
    subprocess.run(["spin", *macros, "-a", MODEL], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    # NOREDUCE: one process has nothing to reorder. The generated C is not ours, so its warnings are not (-w).
    subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-DNOREDUCE", *flags, "pan.c", "-o", "pan"], cwd=folder, check=True)


def run(search):
    folder = WORK / search.macros.replace(" ", "-")
    # SFH and NOCOMP trade memory for time; T_REVERSE tries a tick last, which finds two gates sooner.
    build(search, folder, ["-DSFH", "-DNOCOMP", "-DT_REVERSE"])
    with open(folder / "pan.out", "w+", encoding="utf-8") as output:
        pan = subprocess.Popen(["./pan", f"-m{DEPTH_MAX}", "-w24"], cwd=folder, stdout=output, stderr=output,
                               preexec_fn=limit)
        _, status, used = os.wait4(pan.pid, 0)  # what this one search used
        pan.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    states = re.search(r"(\S+) states, stored", printed)
    return {"result": outcome(printed, pan.returncode), "states": round(float(states.group(1))) if states else 0,
            "memory_mb": used.ru_maxrss >> 10, "seconds": round(used.ru_utime + used.ru_stime, 1)}


def outcome(printed, exit_code):
    if "assertion violated" in printed:
        return two_gates
    # Every sign that it saw less than everything; "invalid end state" would be a step of the model that got stuck.
    stopped = re.search(r"max search depth too small|out of memory|Search not completed|invalid end state \(", printed)
    if exit_code == 0 and "errors: 0" in printed and not stopped:
        return safe
    return f"incomplete (exit code {exit_code}): {printed.strip()[-200:]}"


def trace(search):
    """The shortest way to two open gates, step by step."""
    folder = WORK / "trace"
    build(search, folder, ["-DBFS"])
    subprocess.run(["./pan", f"-m{DEPTH_MAX}", "-w24"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   preexec_fn=limit)
    trails = list(folder.glob("*.trail"))
    if not trails:
        sys.exit(f"check.py: '{search.name}' has no counter-example")
    macros = [f"-D{macro}" for macro in search.macros.split()]
    replayed = subprocess.run(["spin", *macros, "-k", trails[0], "-t", MODEL], cwd=folder, capture_output=True,
                              text=True).stdout
    print(*re.findall(r"^\s*(a tick passes|[ABC] (?:applies|starts|sends|receives).*)$", replayed, re.MULTILINE), sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="searches whose name or macros contain this (default: all)")
    parser.add_argument("--short", action="store_true", help="the quick ones, as in the normal test run")
    parser.add_argument("--trace", action="store_true", help="print the shortest counter-example of each")
    options = parser.parse_args()
    searches = [search for search in SEARCHES if (search.short or not options.short) and (
        not options.names or any(name in search.name or name in search.macros.split() for name in options.names))]
    if not searches:
        sys.exit("check.py: no such search; the names stand in the table SEARCHES")
    if shutil.which("spin") is None:
        sys.exit("check.py: there is no spin; './dev test' installs it, or apt-get install spin")
    if options.trace:
        for search in searches:
            print(f"== {search.name} ({search.macros})")
            trace(search)
        return
    failed = 0
    for search in searches:
        found = run(search)
        failed += found["result"] != search.expected
        print(json.dumps({"search": search.name, "macros": search.macros, "expected": search.expected, **found}),
              flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"searches": len(searches), "as expected": len(searches) - failed,
                      "seconds": round(used.ru_utime + used.ru_stime)}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
