#!/usr/bin/env bash
# The mutants as a test: whether every patch applies, or in the soak form whether every fault is found.
set -euo pipefail
if [ -n "${TRIVET_SOAK:-}" ]; then
    exec python3 tests/sim/mutants.py
fi
exec python3 tests/sim/mutants.py --check
