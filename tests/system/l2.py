"""What the layer-2 system tests share: an L2Service by itself in a namespace, and a small network."""
import json
import os
import signal
import subprocess
import threading
import time

from harness import wait_for

PROGRAM = os.environ.get("TRIVET_L2_SERVICE", "l2_service_main")
VIP4, VIP6 = "10.77.0.50", "fd77::50"


class Service:
    """One L2Service in a namespace, driven by lines on its standard input."""

    def __init__(self, host, *interfaces, wrapper=()):
        self.host, self.state_dir = host, host.lab.dir / f"state-{host.name}"
        self.state_dir.mkdir(exist_ok=True)
        self.process = host.start(*wrapper, PROGRAM, self.state_dir, *interfaces, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.status, self.logs, self.counters, self.events = {}, [], None, []
        self.history = []  # (address, phase) in order
        self.seen = []  # (address, MAC) in order
        self.leases = []  # when on_lease() was called, by the wall clock in ns
        self.since = {}  # when the phase of an address last changed
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "status" in line:
                if self.status.get(line["status"], {}).get("phase") != line["phase"]:
                    self.since[line["status"]] = time.monotonic()
                self.status[line["status"]] = line
                self.history.append((line["status"], line["phase"]))
            elif "log" in line:
                self.logs.append(line)
            elif "seen" in line:
                self.seen.append((line["seen"], line["mac"]))
            elif "lease" in line:
                self.leases.append(line["lease"])
            elif "counters" in line:
                self.counters = line["counters"]
            else:
                self.events.append(line)

    def tell(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()
        return self

    def wait_phase(self, address, phase, message=""):
        def reached():
            assert self.process.poll() is None, f"ended with {self.process.returncode}; {self.logs[-20:]}"
            status = self.status.get(address)
            return status if status and status["phase"] == phase and message in status["message"] else None
        try:
            return wait_for(f"{address} to be {phase}", reached)
        except AssertionError as error:
            raise AssertionError(f"{error}; status {self.status}; log {self.logs[-20:]}") from None

    def age(self, address):
        """Seconds since its phase changed."""
        return time.monotonic() - self.since[address]

    def stop(self):
        """Ends it; whatever a sanitizer found is in the exit code."""
        if self.process.poll() is None:
            self.tell("stop")
        assert self.process.wait(timeout=15) == 0, f"exit code {self.process.returncode}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


def quick_addresses(host):
    """Link-local addresses are usable at once, without a second of duplicate detection."""
    host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
    return host


def network(lab):
    """A node and a client on one switch."""
    switch, node, client = lab.bridge(), quick_addresses(lab.host("node")), quick_addresses(lab.host("client"))
    node.port = lab.plug(switch, node, "eth0", "10.77.0.1/24", "fd77::1/64")
    lab.plug(switch, client, "eth0", "10.77.0.2/24", "fd77::2/64")
    node.switch = switch
    return node, client


def announced(node, *options):
    """A service with VIP4 and VIP6 announced."""
    service = Service(node).tell(f"add {VIP4} {' '.join(options)}", f"add {VIP6} {' '.join(options)}", "plan")
    service.wait_phase(VIP4, "announced")
    service.wait_phase(VIP6, "announced")
    return service


def loopback(host):
    entries = json.loads(host.ip("-j", "address", "show", "dev", "lo"))[0]["addr_info"]
    return {entry["local"] for entry in entries}


def sysctl(host, name):
    return host.run("cat", f"/proc/sys/net/ipv4/conf/all/{name}").stdout.strip()
