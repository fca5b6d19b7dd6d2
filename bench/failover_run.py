"""One run of ./dev bench failover: a fault at the owner, what clients lost, who claimed the VIP meanwhile."""
import json
import selectors
import struct
import subprocess
import time

import common
from failover_network import FAULTS

PORT = 7007                # of the responders
STREAMS = ("udp4", "udp6", "tcp4", "tcp6")
FAULT_S, HEAL_S = 1.0, 1.0  # the windows that are measured, by default
READY_S, SETTLE_S = 5, 60  # patience: with a client that may be on the wrong machine, and with a system that recovers
RECORD = struct.Struct("=QQBB6x")


def boot_now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def start_responders(network):
    """On every node, for all runs."""
    for place in network.nodes:
        process = place.host.start(common.BIN / "failover_responder", "--port", PORT, "--node", place.number,
                                   stdout=subprocess.PIPE, text=True)
        if line_within(process, READY_S) != "ready":
            raise AssertionError(f"the responder on {place.host.name} does not run")


def line_within(process, seconds):
    """The next line that a program prints, or None when none comes in time."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(seconds):
            return None
    return process.stdout.readline().strip()


class Instrument:
    """A program that runs beside a run, is told what happens and reports at the end."""

    def __init__(self, host, program, *flags):
        self.name = program
        self.process = host.start(common.BIN / program, *flags, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def report(self, timeout=20):
        """What it says when it is told to end; a program that does not listen ends by itself."""
        text, _ = self.process.communicate("end\n", timeout=timeout)
        if self.process.returncode != 0:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}")
        return json.loads(text.splitlines()[-1])

    def stop(self):
        """Ends it without its report."""
        self.process.kill()
        self.process.communicate(timeout=10)


class Run:
    """What one run showed; figures() is for a line of JSON, the rest for its time line."""

    streams = STREAMS

    def __init__(self, system, fault, leads, owner):
        self.system, self.fault, self.leads, self.owner = system, fault, leads, owner
        self.injected = self.healed = 0
        self.probe = self.watch = None
        self.owner_after = None
        self.records, self.macs = [], {}

    def outage_ms(self, stream, phase="fault"):
        return self.probe[stream][phase]["outage_ms"]

    def worst(self, streams, phase="fault"):
        return max(self.outage_ms(s, phase) for s in streams)

    @property
    def outage(self):
        """What clients of either family lost by UDP, which is asked often enough to tell."""
        return self.worst(("udp4", "udp6"))

    def lost(self, phase, streams=("udp4", "udp6")):
        return sum(self.probe[s][phase]["lost"] for s in streams)

    def two_owner_ms(self, scope):
        """Of the worse family; from the fault to the end."""
        return max(self.watch[f][scope]["fault"] + self.watch[f][scope]["after"] for f in ("ipv4", "ipv6"))

    @property
    def still_out(self):
        """Had a client no answer at the end, after everything was repaired?"""
        return any(self.probe[s]["after"]["open"] for s in STREAMS)

    @property
    def wrong_machine(self):
        """Or an answer from another machine than the owner."""
        last = {self.probe[s]["after"]["last_node"] for s in STREAMS}
        return not self.still_out and last != {self.owner_after.place.number}

    @property
    def owner_last_ms(self):
        """The last answer of the machine that had the fault, while it had it."""
        answers = [answer for _, answer, _, node in self.records
                   if node == self.owner.place.number and self.injected <= answer <= self.healed]
        return (max(answers) - self.injected) / 1e6 if answers else 0.0

    def first_lost(self, count=4):
        """When the first questions without an answer were sent, in ms after the fault, and of which stream."""
        lost = [(sent, stream) for sent, answer, stream, _ in self.records if not answer and sent >= self.injected]
        return [[round((sent - self.injected) / 1e6, 1), STREAMS[stream]] for sent, stream in sorted(lost)[:count]]

    def figures(self):
        return {"system": self.system, "fault": self.fault, "owner": self.owner.name,
                "owner_after": self.owner_after.name, "owner_leads": self.leads,
                "outage_ms": self.outage, **{s: self.outage_ms(s) for s in STREAMS},
                "after_heal_ms": self.worst(STREAMS, "after"), "lost": self.lost("fault"),
                "lost_after_heal": self.lost("after"), "lost_tcp": self.lost("fault", ("tcp4", "tcp6")),
                "first_lost": self.first_lost(), "two_owner_ms": self.two_owner_ms("client"), "two_owner_anywhere_ms": self.two_owner_ms("anywhere"),
                "owner_last_ms": self.owner_last_ms, "still_out": self.still_out, "wrong_machine": self.wrong_machine,
                "stall_ms": max(self.probe["stall_ms"], self.watch["stall_ms"])}


def start_probe(network, system, owner, records):
    """The probe, once the owner answers everything; a client that sticks to another machine is freed first."""
    v4, v6 = sorted(system.vip_addresses, key=lambda a: ":" in a)
    for attempt in range(3):
        probe = Instrument(network.client, "failover_probe", "--v4", v4, "--v6", v6, "--port", PORT,
                           "--records", records, "--seconds-max", SETTLE_S * 2)
        line = line_within(probe.process, READY_S)
        if line == f"ready {owner.place.number}":
            return probe
        probe.stop()
        common.say(f"{system.name}: the client is answered by {line or 'nobody'}, and {owner.name} is the owner: "
                   f"its cache of neighbours is flushed ({attempt + 1})")
        network.forget_neighbours()
    raise AssertionError(f"{system.name}: {owner.name} does not answer the client")


def one_run(network, system, fault_name, leads, windows):
    """windows: seconds of the fault, and at least so many after it was healed."""
    fault = FAULTS[fault_name]
    common.harness.wait_for(f"{system.name} to be settled", system.settled, timeout=SETTLE_S, interval=0.1)
    owner = system.owner()
    leads = system.prepare(owner, leads)
    run = Run(system.name, fault_name, leads, owner)
    records = network.lab.dir / "records"
    v4, v6 = sorted(system.vip_addresses, key=lambda a: ":" in a)
    watch = Instrument(network.watch, "failover_watch", "--v4", v4, "--v6", v6, "--seconds-max", SETTLE_S * 2,
                       *network.watch_flags())
    if line_within(watch.process, READY_S) != "ready":
        raise AssertionError("the watcher does not run")
    probe = start_probe(network, system, owner, records)
    run.injected = boot_now()
    fault.inject(system, owner)
    time.sleep(max(0, windows[0] - (boot_now() - run.injected) / 1e9))
    run.healed = boot_now()
    fault.heal(system, owner)
    time.sleep(max(0, windows[1] - (boot_now() - run.healed) / 1e9))
    common.harness.wait_for(f"{system.name} to recover", system.settled, timeout=SETTLE_S, interval=0.1)
    run.owner_after = system.owner()
    for instrument in (probe, watch):
        instrument.tell(f"fault {run.injected}")
        instrument.tell(f"heal {run.healed}")
    run.probe, run.watch = probe.report(), watch.report()
    if run.watch["frames_dropped"] or not all("last_mac" in run.watch[family] for family in ("ipv4", "ipv6")):
        raise AssertionError(f"what the watcher saw tells nothing: {run.watch}")
    run.macs = {place.mac: place.number for place in network.nodes}
    run.records = list(RECORD.iter_unpack(records.read_bytes()))
    return run
