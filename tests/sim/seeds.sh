#!/usr/bin/env bash
# The simulation as a test: some seeds of the sanitised build ($1), or in the soak form
# 20,000 of consensus and 50,000 of leases with the optimised one.
set -euo pipefail
if [ -n "${TRIVET_SOAK:-}" ]; then
    build/bin/trivet_sim --seeds 20000 --no-leases
    exec build/bin/trivet_sim --seeds 50000 --no-consensus
fi
exec "$1" --seeds 300
