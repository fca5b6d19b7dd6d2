#!/usr/bin/env python3
"""Deliberate faults that the simulation must find: each patch in mutants/ is applied to a scratch copy of the
tree, built there and run until a seed breaks a rule. One that survives its seeds, or whose patch no longer
applies, fails the run. A patch may say "Survives: " and why, when another rule masks it, or when it costs time alone."""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUTANTS = pathlib.Path(__file__).resolve().parent / "mutants"
TREE = ROOT / "build/mutants/tree"
SEEDS_OF_LEASES = 10000


def is_lease(mutant):
    return mutant.parent.name == "lease"


def copy_tree():
    """What is in the work tree now; files that did not change keep their time, so that ninja leaves them alone."""
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\n")
    wanted = {name for name in files if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, TREE / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    for target in TREE.rglob("*"):
        name = str(target.relative_to(TREE))
        if target.is_file() and not name.startswith("build/") and name not in wanted:
            target.unlink()


def build():
    if not (TREE / "build/release/build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=TREE, check=True, capture_output=True)
    return subprocess.run(["cmake", "--build", "--preset", "release", "--target", "trivet_sim"], cwd=TREE,
                          capture_output=True, text=True)


def patch(mutant, *options):
    return subprocess.run(["patch", "-p1", "--silent", "--no-backup-if-mismatch", "--fuzz=0", *options, "-i", mutant],
                          cwd=TREE, capture_output=True, text=True)


def simulate(*options):
    return subprocess.run([TREE / "build/bin/trivet_sim", *options], capture_output=True, text=True, errors="replace")


def hunt(mutant, options):
    """The seed or the scenario that found the fault, and what it broke; None when all passed."""
    part = "--no-leases"
    if is_lease(mutant):
        part = "--no-consensus"
        told = simulate("--lease-scenarios")
        if told.returncode != 0:
            found = re.search(r"scenario (\w+): (.*)", told.stderr)
            return found.groups() if found else ("?", told.stderr.strip()[-200:])
    seeds = min(options.seeds, SEEDS_OF_LEASES) if is_lease(mutant) else options.seeds
    done = simulate("--seeds", str(seeds), "--seed", str(options.seed), "--nodes", options.nodes, "--violations-max", "1",
                    part)
    if done.returncode == 0:
        return None
    found = re.search(r"seed (\d+): (.*)", done.stderr)
    if found is None:
        return "?", done.stderr.strip()[-200:]
    assertion = re.search(r"(\S+:\d+: not true: .*)", done.stderr)
    return found.group(1), assertion.group(1) if assertion else found.group(2)


def check(mutants):
    stale = [m.stem for m in mutants if patch(m, "--dry-run").returncode != 0]
    print(json.dumps({"mutants": len(mutants), "that do not apply": stale}))
    sys.exit(1 if stale else 0)


def judge(mutant, options):
    started = time.monotonic()
    applied = patch(mutant)
    if applied.returncode != 0:
        return {"result": "the patch does not apply: " + (applied.stdout + applied.stderr).strip()}
    try:
        built = build()
        if built.returncode != 0:
            return {"result": "it does not build: " + built.stdout[-500:]}
        started = time.monotonic()
        found = hunt(mutant, options)
    finally:
        patch(mutant, "-R")
    seconds = round(time.monotonic() - started, 1)
    survives = re.search(r"^Survives: (.*)", mutant.read_text(), re.MULTILINE)
    if found is None:
        result = "survived, as is known" if survives else "survived"
        return {"result": result, "seeds": options.seeds, "seconds": seconds, "why": survives[1] if survives else ""}
    return {"result": "killed", "seed": found[0], "seconds": seconds, "by": found[1][:160]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="some of them (default: all)")
    parser.add_argument("--seeds", type=int, default=20000, help="budget of each")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--nodes", default="3,5,7")
    parser.add_argument("--check", action="store_true", help="only see whether all patches apply")
    options = parser.parse_args()
    copy_tree()
    mutants = [m for m in sorted(MUTANTS.rglob("*.patch")) if not options.names or m.stem in options.names]
    if not mutants:
        sys.exit("mutants: no such name; they are in tests/sim/mutants/")
    if options.check:
        check(mutants)
    failed = known = 0
    for mutant in mutants:
        verdict = judge(mutant, options)
        failed += verdict["result"] not in ("killed", "survived, as is known")
        known += verdict["result"] == "survived, as is known"
        print(json.dumps({"mutant": mutant.stem, **verdict}), flush=True)
    print(json.dumps({"mutants": len(mutants), "killed": len(mutants) - failed - known, "known to survive": known}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
