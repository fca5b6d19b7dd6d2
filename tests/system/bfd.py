"""What the BFD system tests share: a BfdService by itself in a namespace, and the BFD of BIRD 2 and of FRR beside it."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import private_mounts
from harness import Skip, wait_for

PROGRAM = os.environ.get("TRIVET_BFD_PEER", "bfd_peer")
PEERS = pathlib.Path(__file__).resolve().parent.parent.parent / "build/peers"  # where ./dev unpacks what is not installed
US4, THEM4, US6, THEM6 = "10.77.0.1", "10.77.0.2", "fd77::1", "fd77::2"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def program(name, *folders):
    """The path of a peer's program; skips the test where it is not there."""
    for folder in ("usr/sbin", "usr/bin", *folders):
        if (PEERS / folder / name).exists():
            return PEERS / folder / name
        if pathlib.Path("/", folder, name).exists():
            return pathlib.Path("/", folder, name)
    found = shutil.which(name)
    if not found:
        raise Skip(f"{name} is not here; './dev install' fetches it")
    return found


class Bfd:
    """One BfdService in a namespace, driven by lines on its standard input."""

    def __init__(self, host):
        self.host = host
        self.process = host.start(PROGRAM, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.events, self.logs, self.errors = [], [], []  # events: (name, is up, the line)
        self.answers = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "up" in line or "down" in line:
                self.events.append((line.get("up") or line["down"], "up" in line, line))
            elif "log" in line:
                self.logs.append(line)
            elif "status" in line:
                self.answers.append(line)
            elif "error" in line:
                self.errors.append(line["error"])

    def tell(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()
        return self

    def watch(self, name, remote, *words):
        """A session more, or another in its place."""
        return self.tell(f"session {name} {remote} {' '.join(words)}", "apply")

    def remove(self, name):
        self.events = [event for event in self.events if event[0] != name]  # nothing more is said of it
        return self.tell(f"remove {name}", "apply")

    def status(self):
        count = len(self.answers)
        self.tell("status")
        wait_for("the status", lambda: len(self.answers) > count)
        return self.answers[-1]

    def session(self, name="s"):
        return self.status()["status"][name]

    def is_up(self, name="s"):
        states = [up for each, up, _ in self.events if each == name]
        return states[-1:] == [True]

    def wait_up(self, name="s", timeout=15):
        def reached():
            assert self.process.poll() is None, f"ended with {self.process.returncode}"
            return self.is_up(name)
        try:
            wait_for(f"'{name}' to be up", reached, timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.status()}; {self.logs} {self.errors}") from None
        return self

    def wait_down(self, name="s", since=0, timeout=15):
        """When it went down, by the monotonic clock in ns."""
        def reached():
            return [line for each, up, line in self.events if each == name and not up and line["at"] >= since]
        return wait_for(f"'{name}' to be down", reached, timeout=timeout)[0]

    def downs(self, name="s"):
        return sum(1 for each, up, _ in self.events if each == name and not up)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def stop(self):
        """Ends it; whatever a sanitizer found is in the exit code."""
        if self.process.poll() is None:
            self.tell("stop")
        assert self.process.wait(timeout=15) == 0, f"exit code {self.process.returncode}"


class Bird:
    """BIRD 2 with a bfd protocol alone."""

    def __init__(self, host, body):
        self.host, self.dir = host, host.lab.dir / f"bird-{host.name}"
        self.dir.mkdir(exist_ok=True)
        self.config, self.socket = self.dir / "bird.conf", self.dir / "bird.ctl"
        self.control = program("birdc")
        self.write(body)
        self.process = host.start(program("bird"), "-f", "-c", self.config, "-s", self.socket, "-P", self.dir / "pid",
                                  stdout=open(self.dir / "lbd.log", "wb"), stderr=subprocess.STDOUT)
        wait_for("BIRD to answer", lambda: self.ask("show status", check=False).returncode == 0)

    def write(self, body):
        self.config.write_text(f"router id {THEM4};\nlog stderr all;\nprotocol device {{}}\nprotocol bfd b {{\n{body}\n}}\n")

    def configure(self, body):
        self.write(body)
        self.ask("configure")

    def ask(self, command, check=True):
        return self.host.run(self.control, "-s", self.socket, *command.split(), check=check)

    def session(self, address):
        """(state, interval, timeout) in seconds, or None."""
        for line in self.ask("show bfd sessions").stdout.splitlines():
            words = line.split()
            if words and words[0] == address:
                return words[2].lower(), float(words[-2]), float(words[-1])
        return None

    def wait_state(self, address, state, timeout=15):
        wait_for(f"BIRD to be {state}", lambda: (self.session(address) or ("",))[0] == state, timeout=timeout)


class Frr:
    """bfdd and the zebra that it asks for interfaces."""

    def __init__(self, host, body):
        self.host, self.dir = host, host.lab.dir / f"frr-{host.name}"
        self.dir.mkdir(exist_ok=True)
        libraries = PEERS / "usr/lib/x86_64-linux-gnu/frr"
        self.environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)} if libraries.exists() else None
        # The names are compiled in: it looks the groups up even when it shall run as root.
        pairs = private_mounts.account_files(
            self.dir, users=("frr:x:64101:64101::/nonexistent:/usr/sbin/nologin",),
            groups=("frr:x:64101:root", "frrvty:x:64102:root,frr"))
        temporary = self.dir / "tmp"  # it makes /var/tmp/frr for crash reports
        temporary.mkdir(exist_ok=True)
        self.wrapper = private_mounts.bound([*pairs, (temporary, "/var/tmp")])
        self.start("zebra", "")
        wait_for("zebra", (self.dir / "zebra.vty").exists)
        self.process = self.start("bfdd", f"bfd\n{body}\n", "--bfdctl", self.dir / "bfdd.sock")
        wait_for("bfdd to answer", self.answers)

    def start(self, name, body, *options):
        config = self.dir / f"{name}.conf"
        config.write_text(f"hostname {name}\nlog file {self.dir}/{name}-frr.log\n{body}")
        return self.host.start(*self.wrapper, program(name, "usr/lib/frr"), "-f", config, "-i", self.dir / f"{name}.pid",
                               "-z", self.dir / "zserv.api", "--vty_socket", self.dir, "-u", "root", "-g", "root",
                               "-P", "0", *options, env=self.environment,
                               stdout=open(self.dir / f"{name}.log", "wb"), stderr=subprocess.STDOUT)

    def answers(self):
        """Its socket is there a moment before it listens."""
        try:
            return self.ask("show bfd peers json")
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def ask(self, *commands):
        """What the last of the commands answered. As vtysh speaks: text up to three zeros and a status."""
        answer = b""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.dir / "bfdd.vty"))
            for command in ("enable", *commands):
                connection.sendall(command.encode() + b"\0")
                answer = b""
                while answer[-4:-1] != b"\0\0\0":
                    chunk = connection.recv(65536)
                    if not chunk:
                        return ""
                    answer += chunk
        return answer[:-4].decode()

    def configure(self, *lines):
        self.ask("configure terminal", "bfd", *lines)

    def found(self, command, address):
        return next((each for each in json.loads(self.ask(command)) if each["peer"] == address), {})

    def session(self, address):
        return self.found("show bfd peers json", address)

    def counters(self, address):
        return self.found("show bfd peers counters json", address)

    def wait_state(self, address, state, timeout=15):
        try:
            wait_for(f"FRR to be {state}", lambda: self.session(address).get("status") == state, timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.session(address)}") from None


def quick_addresses(host):
    """Link-local addresses are usable at once, without a second of duplicate detection."""
    host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
    return host


def network(lab):
    """Our host and the peer's, on one switch."""
    switch, us, them = lab.bridge(), quick_addresses(lab.host("us")), quick_addresses(lab.host("them"))
    us.port = lab.plug(switch, us, "eth0", f"{US4}/24", f"{US6}/64")
    them.port = lab.plug(switch, them, "eth0", f"{THEM4}/24", f"{THEM6}/64")
    us.switch = them.switch = switch
    return us, them


def cut(host):
    """Parts a host from the switch; the others keep their carrier. The time, by the monotonic clock in ns."""
    before = time.monotonic_ns()
    host.switch.ip("link", "set", host.port, "down")
    return before


def join(host):
    host.switch.ip("link", "set", host.port, "up")


def routed_network(lab):
    """Our host and the peer's, two hops apart: addresses 10.1.0.1 and 10.2.0.1."""
    left, right = lab.bridge("br1"), lab.bridge("br2")
    us, router, them = lab.host("us"), lab.host("router"), lab.host("them")
    lab.plug(left, us, "eth0", "10.1.0.1/24")
    lab.plug(left, router, "eth0", "10.1.0.254/24")
    lab.plug(right, router, "eth1", "10.2.0.254/24")
    lab.plug(right, them, "eth0", "10.2.0.1/24")
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    us.ip("route", "add", "default", "via", "10.1.0.254")
    them.ip("route", "add", "default", "via", "10.2.0.254")
    return us, router, them
