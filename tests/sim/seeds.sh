#!/usr/bin/env bash
# The simulation as a test: some seeds of the sanitised build ($1), or in the soak form 20,000 of the optimised one.
set -euo pipefail
if [ -n "${TRIVET_SOAK:-}" ]; then
    exec build/bin/trivet_sim --seeds 20000
fi
exec "$1" --seeds 300
