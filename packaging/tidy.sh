#!/usr/bin/env bash
# clang-tidy over the given units with the compile commands of a g++ build: options that only g++ knows
# (precompiled headers among them) are taken out first.
set -euo pipefail
build=$1; shift
mkdir -p "$build/tidy"
python3 - "$build" <<'PY'
import json, re, sys
build = sys.argv[1]
commands = json.load(open(f"{build}/compile_commands.json"))
for entry in commands:
    text = re.sub(r"\S*cmake -E env (\S+=\S+ )*\S*ccache ", "", entry["command"])
    text = re.sub(r"-include \S+cmake_pch\S+|-Winvalid-pch|-fpch-preprocess|-fmax-errors=\d+|-Wno-(maybe-uninitialized|restrict|stringop-overflow)|-Werror", "", text)
    entry["command"] = text
json.dump(commands, open(f"{build}/tidy/compile_commands.json", "w"))
PY
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 clang-tidy-19 -p "$build/tidy" --quiet
echo "clang-tidy: $# units clean"
