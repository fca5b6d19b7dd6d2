#!/usr/bin/env python3
"""clang-tidy over the given units, with the compile commands of a g++ build.

usage: packaging/tidy.py BUILD UNIT...      TIDY_JOBS: how many run at a time (all cores)

Nearly all of clang-tidy's time goes to the headers of the libraries, so units are read in groups, each
group as one that includes the others. A unit that was clean is left out until it, one of our headers that
it includes, its options or the checks change.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
units_per_group = 16
# What only g++ knows.
only_gcc = re.compile(r"-Winvalid-pch|-fpch-preprocess|-fmax-errors=.*|-Werror"
                      r"|-Wno-(maybe-uninitialized|restrict|stringop-overflow|mismatched-new-delete)")
finding = re.compile(r"(?P<file>[^\s:][^:]*):\d+:\d+: (error|warning): .*\[(?P<check>[^\]]+)\]$")


def options(command):
    """The compiler's options of one entry, without compiler, input and output."""
    words = shlex.split(command)
    words = words[next(i for i, word in enumerate(words) if re.search(r"(g|clang)\+\+[^/]*$", word)) + 1:]
    kept, skip = [], False
    for word in words:
        if skip or only_gcc.fullmatch(word):
            skip = False
        elif precompiled := re.search(r"/trivet_pch_(\w+)\.dir/cmake_pch\.hxx$", word):
            kept.append(f"cmake/pch_{precompiled[1]}.hpp")  # clang does not read g++'s precompiled form
        elif word in ("-o", "-c"):
            skip = True
        else:
            kept.append(word)
    return kept


def includes(path, seen):
    """The unit and every header of ours that it reads."""
    if path in seen or not path.is_file():
        return seen
    seen.add(path)
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
        includes(root / name, seen)
    return seen


def digest(unit, flags):
    total = hashlib.sha256(" ".join(flags).encode())
    for path in [root / ".clang-tidy", *sorted(includes(root / unit, set()))]:
        total.update(path.read_bytes())
    return total.hexdigest()


def names(text):
    return (set(re.findall(r"^(?:struct|class|enum class|enum|using) (\w+)\b(?!::)(?=[^;]*[{=])", text, re.M)) |
            set(re.findall(r"^\w[^(=;{]*[ *&](\w+)[({\[]", text, re.M)) |
            set(re.findall(r"^(?:constexpr|const|static|inline) [^=({;]*?(\w+)(?:\[\w*\])? ?[={(]", text, re.M)))


def grouped(flags_of):
    """Units of the same options, of which none has a name of its own that another one has too."""
    groups = []
    for unit, flags in flags_of.items():
        text = (root / unit).read_text()
        every, own = names(text), names("".join(re.findall(r"^namespace {$.*?^}  // namespace$", text, re.M | re.S)))
        for group in groups:
            if (group["flags"] == flags and len(group["units"]) < units_per_group
                    and not own & group["every"] and not every & group["own"]):
                break
        else:
            group = {"flags": flags, "units": [], "every": set(), "own": set()}
            groups.append(group)
        group["units"].append(unit)
        group["every"] |= every
        group["own"] |= own
    return [(group["units"], group["flags"]) for group in groups]


def findings(output):
    """The blocks of the output that are about this tree, or say that something does not compile."""
    blocks, keep = [], False
    for line in output.splitlines():
        if found := finding.match(line):
            keep = found["file"].startswith(f"{root}/") or "clang-diagnostic" in found["check"]
            if keep:
                blocks.append([])
        if keep:
            blocks[-1].append(line.replace(f"{root}/", ""))
    return ["\n".join(block) for block in blocks]


def clean_of(units, found):
    """The units of a group that its findings are not about."""
    named = {block.split(":")[0] for block in found}
    return [unit for unit in units if unit not in named] if named <= set(units) else []


def check(build, number, units, flags):
    """(units that are clean, findings)"""
    source = build / f"group_{number}.cpp"
    source.write_text("".join(f'#include "{root / unit}"  // NOLINT(bugprone-suspicious-include)\n'
                              for unit in units))
    run = subprocess.run(["clang-tidy-19", "--quiet", str(source), "--", *flags], cwd=root,
                         capture_output=True, text=True)
    found = findings(run.stdout)
    if run.returncode != 0 and not run.stdout.strip():
        found.append(run.stderr)
    if len(units) > 1 and any("clang-diagnostic-error" in block for block in found):
        parts = [check(build, f"{number}_{i}", [unit], flags) for i, unit in enumerate(units)]
        return sum((part[0] for part in parts), []), sum((part[1] for part in parts), [])
    return clean_of(units, found), found


def main():
    build, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    commands = {os.path.relpath(entry["file"], root): entry["command"]
                for entry in json.loads((build / "compile_commands.json").read_text())}
    if unknown := [unit for unit in wanted if unit not in commands]:
        sys.exit(f"clang-tidy: no target compiles {', '.join(unknown)}")
    build = build / "tidy"
    build.mkdir(exist_ok=True)
    clean_file = build / "clean.json"
    clean = json.loads(clean_file.read_text()) if clean_file.exists() else {}

    flags_of = {unit: tuple(options(commands[unit])) for unit in wanted}
    digests = {unit: digest(unit, flags) for unit, flags in flags_of.items()}
    groups = grouped({unit: flags for unit, flags in flags_of.items() if clean.get(unit) != digests[unit]})
    printed = set()
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("TIDY_JOBS", os.cpu_count()))) as pool:
        runs = [pool.submit(check, build, number, *group) for number, group in enumerate(groups)]
        for run in concurrent.futures.as_completed(runs):
            units, found = run.result()
            clean.update({unit: digests[unit] for unit in units})
            clean_file.write_text(json.dumps(clean, indent=1))
            for block in found:
                if block not in printed:  # one in a header is found by every group that reads it
                    print(block, flush=True)
                    printed.add(block)
    if printed:
        sys.exit(f"clang-tidy: {len(printed)} findings")
    print(f"clang-tidy: {len(wanted)} units clean")


if __name__ == "__main__":
    main()
