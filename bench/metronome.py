"""How late a thread of real-time priority is woken, until its standard input ends: what the machine does to everybody.

Its priority is above that of every other program here, so what holds it up is the machine: a hypervisor, an interrupt.
"""
import contextlib
import json
import os
import select
import subprocess
import sys
import time

BEAT_S = 0.005
PRIORITY = 20  # lbd's threads have 10


@contextlib.contextmanager
def running():
    """Yields a dictionary that has the figures when the block has ended: realtime, beats, worst_ms, late_10_ms."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    figures = {}
    try:
        yield figures
        told, _ = process.communicate(timeout=30)
        figures.update(json.loads(told))
    finally:
        process.kill()
        process.wait(timeout=10)


def main():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        realtime = True
    except PermissionError:
        realtime = False
    beats, worst, late = 0, 0.0, 0
    while True:
        due = time.monotonic() + BEAT_S
        if select.select([sys.stdin], [], [], BEAT_S)[0]:
            break
        lateness = time.monotonic() - due
        beats, worst, late = beats + 1, max(worst, lateness), late + (lateness > 0.01)
    print(json.dumps({"realtime": realtime, "beats": beats, "worst_ms": round(worst * 1000, 1), "late_10_ms": late}))


if __name__ == "__main__":
    main()
