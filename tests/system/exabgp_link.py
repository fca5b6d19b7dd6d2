"""Run by ExaBGP itself: writes what it hears to one file, and hands it the commands that are written into a pipe.

Usage: exabgp_link.py HEARD COMMANDS. Ends with ExaBGP, whose end of the standard input closes then.
"""
import os
import sys
import threading


def hand_over_commands(pipe):
    # Open for both directions, so that there is always a writer and reading waits instead of ending.
    with os.fdopen(os.open(pipe, os.O_RDWR), "r", buffering=1) as commands:
        for command in commands:
            sys.stdout.write(command)
            sys.stdout.flush()


def main():
    heard, pipe = sys.argv[1:]
    threading.Thread(target=hand_over_commands, args=(pipe,), daemon=True).start()
    with open(heard, "ab", buffering=0) as file:
        for line in sys.stdin.buffer:
            file.write(line)
    os._exit(0)  # the thread still waits in the pipe


main()
