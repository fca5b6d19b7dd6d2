#!/usr/bin/env python3
"""Deliberate faults that the simulation must find: each patch in mutants/ is applied to a scratch copy of the
tree, built there and run until a seed breaks a rule. One that survives its seeds, or whose patch no longer
applies, fails the run."""
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


def hunt(seeds, first, nodes):
    """The seed that found the fault, and what it broke; None when all passed."""
    done = subprocess.run([TREE / "build/bin/trivet_sim", "--seeds", str(seeds), "--seed", str(first), "--nodes", nodes,
                           "--violations-max", "1"], capture_output=True, text=True, errors="replace")
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
        found = hunt(options.seeds, options.seed, options.nodes)
    finally:
        patch(mutant, "-R")
    seconds = round(time.monotonic() - started, 1)
    if found is None:
        return {"result": "survived", "seeds": options.seeds, "seconds": seconds}
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
    mutants = [m for m in sorted(MUTANTS.glob("*.patch")) if not options.names or m.stem in options.names]
    if not mutants:
        sys.exit("mutants: no such name; they are in tests/sim/mutants/")
    if options.check:
        check(mutants)
    failed = 0
    for mutant in mutants:
        verdict = judge(mutant, options)
        failed += verdict["result"] != "killed"
        print(json.dumps({"mutant": mutant.stem, **verdict}), flush=True)
    print(json.dumps({"mutants": len(mutants), "killed": len(mutants) - failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
