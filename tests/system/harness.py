"""Network namespaces, veth and bridges for the system tests, and lbd processes inside them.

Only the standard library. A test file ends with `harness.main(globals())`; each test is a function
`test_*(lab)`; `lab` is a Lab that is taken down after the test, also when it failed.
"""
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SKIPPED = 77
LBD = os.environ.get("TRIVET_LBD", "lbd")
LBCTL = os.environ.get("TRIVET_LBCTL", "lbctl")


class Skip(Exception):
    """The machine lacks something; the message says what."""


def run(*args, check=True, timeout=30, **options):
    """Runs a program to its end; its output is in the exception when it fails."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, args))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_for(what, condition, timeout=10.0, interval=0.02):
    """Waits until condition() is true; returns its value. Polling with a deadline, never a bare sleep."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what}; last value: {value!r}")
        time.sleep(interval)


class Host:
    """One network namespace."""

    def __init__(self, lab, name):
        self.lab, self.name, self.netns = lab, name, f"{lab.prefix}-{name}"
        # Not `ip -n` or `ip netns exec`: they remount /, which fails in a chroot that is no mount point.
        self.enter = ("nsenter", f"--net=/run/netns/{self.netns}")
        run("ip", "netns", "add", self.netns)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args, check=True):
        return run(*self.enter, "ip", *args, check=check).stdout

    def run(self, *args, **options):
        return run(*self.enter, *args, **options)

    def start(self, *args, **options):
        """A process in the namespace; nsenter becomes the program, so its pid is the program's."""
        process = subprocess.Popen([*self.enter, *map(str, args)], **options)
        self.lab.processes.append(process)
        return process

    def mac(self, interface):
        return json.loads(self.ip("-j", "link", "show", interface))[0]["address"]

    def neighbour(self, address, interface="eth0"):
        """The MAC the kernel has for an address, or None."""
        for entry in json.loads(self.ip("-j", "neigh", "show", "dev", interface) or "[]"):
            if entry.get("dst") == address and "FAILED" not in entry.get("state", []):
                return entry.get("lladdr")
        return None


class Lab:
    """Everything one test makes; close() removes it all, whatever happened."""

    counter = itertools.count()

    def __init__(self, name="t"):
        self.prefix = f"tv{os.getpid()}{next(self.counter)}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="trivet-test-"))
        self.hosts, self.processes, self.links, self.sockets = {}, [], [], []

    def host(self, name):
        self.hosts[name] = Host(self, name)
        return self.hosts[name]

    def bridge(self, name="br0"):
        """A switch: a bridge in a namespace of its own."""
        switch = self.host("sw-" + name)
        switch.ip("link", "add", name, "type", "bridge", "mcast_snooping", "0")
        switch.ip("link", "set", name, "up")
        switch.bridge_name = name
        return switch

    def plug(self, switch, host, interface, *addresses):
        """Connects host's new interface to the switch; addresses are usable at once (no DAD wait)."""
        port = f"p{len(self.links)}"
        self.links.append(port)
        switch.ip("link", "add", port, "type", "veth", "peer", "name", interface, "netns", host.netns)
        switch.ip("link", "set", port, "master", switch.bridge_name, "up")
        host.ip("link", "set", interface, "up")
        for address in addresses:
            host.ip("addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        return port

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.processes:
            process.wait(timeout=10)
        for each in self.sockets:  # an open socket would keep its namespace alive
            each.close()
        for host in self.hosts.values():
            subprocess.run(["ip", "netns", "del", host.netns], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


class Lbd:
    """One lbd in a host, with its own data directory and socket; `lbctl` calls go to that socket."""

    def __init__(self, host, name="n1", interfaces=None, extra="", env=None):
        self.host, self.name, self.env = host, name, env or {}
        self.dir = host.lab.dir / name
        self.dir.mkdir(exist_ok=True)
        (self.dir / "data").mkdir(exist_ok=True)
        self.socket, self.config = self.dir / "lbd.sock", self.dir / "lbd.yaml"
        self.log = self.dir / "lbd.log"
        l2 = f"l2: {{ interfaces: [{', '.join(interfaces)}] }}\n" if interfaces else ""
        self.config.write_text(
            f"node: {name}\ndata_dir: {self.dir}/data\nsocket: {self.socket}\n"
            f'api: {{ listen: "0.0.0.0:7480" }}\n{l2}{extra}')
        self.process = None

    def spawn(self):
        """Starts the process and does not ask whether it stays."""
        # The old socket file is left alone: replacing it is lbd's own duty.
        with open(self.log, "ab") as log:
            self.process = self.host.start(LBD, "--config", self.config, stdout=log, stderr=log,
                                           env={**os.environ, **self.env})

    def start(self):
        self.spawn()
        wait_for("lbd to answer", self.alive, timeout=60)  # a build with sanitizers on a busy machine
        return self

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"lbd ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
        return self.lbctl("status", "-o", "json", check=False).returncode == 0

    def init(self):
        return json.loads(self.lbctl("init", "-o", "json").stdout)

    def lbctl(self, *args, check=True, timeout=30):
        return self.host.run(LBCTL, "--socket", self.socket, *args, check=check, timeout=timeout)

    def json(self, *args):
        return json.loads(self.lbctl(*args, "-o", "json").stdout)

    def terminate(self, timeout=15):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=timeout)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=10)


def main(namespace):
    """`FILE --list` prints the test names; `FILE NAME...` runs them (all when none is named)."""
    tests = {k: v for k, v in namespace.items() if k.startswith("test_") and callable(v)}
    stem = pathlib.Path(namespace["__file__"]).stem.removeprefix("test_")
    names = {f"{stem}.{k.removeprefix('test_')}": v for k, v in tests.items()}
    if sys.argv[1:] == ["--list"]:
        print("\n".join(names))
        return
    if os.geteuid() != 0:
        print("skipped: needs root for network namespaces")
        sys.exit(SKIPPED)
    worst = 0
    for name in sys.argv[1:] or names:
        lab = Lab()
        try:
            names[name](lab)
            print(f"passed: {name}")
        except Skip as reason:
            print(f"skipped: {name}: {reason}")
            worst = worst or SKIPPED
        except Exception:
            traceback.print_exc()
            for log in sorted(lab.dir.glob("*/*.log")):
                print(f"--- {log}\n{log.read_text(errors='replace')[-6000:]}")
            worst = 1
        finally:
            lab.close()
    sys.exit(worst)
