#!/usr/bin/env bash
# tsan.sh NAME...: the tests of parts where threads meet, under the thread sanitizer. One line a program.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
for name in "$@"; do
    log=build/tsan/${name}_test.log
    if "build/tsan/tests/${name}_test" --gtest_brief=1 >"$log" 2>&1; then
        echo "thread sanitizer: ${name}_test passed ($(grep -oE '^\[==========\] [0-9]+ tests' "$log" | grep -oE '[0-9]+' | tail -1) tests)"
    else
        cat "$log"
        echo "thread sanitizer: ${name}_test FAILED" >&2
        exit 1
    fi
done
