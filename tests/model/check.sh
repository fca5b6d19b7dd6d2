#!/usr/bin/env bash
# The model as a test: the quick searches, or in the soak form all of them.
set -euo pipefail
if [ -n "${TRIVET_SOAK:-}" ]; then
    exec python3 tests/model/check.py
fi
exec python3 tests/model/check.py --short
