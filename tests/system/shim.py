"""lb-cloud-controller as a process in a namespace: started, killed, asked for its health, metrics, log and cost."""
import json
import os
import pathlib
import re
import signal

import harness
from harness import wait_for
from kube_api import get_text

PROGRAM = os.environ.get("TRIVET_SHIM", str(
    pathlib.Path(__file__).resolve().parents[2] / "build/dev/cloud/shim/lb-cloud-controller"))
PORT = 7482
PATIENCE = 60  # seconds to become ready: builds with sanitizers, on two cores shared by many tests
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)")  # Prometheus text format: name, labels, value
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')  # logfmt
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def need_program():
    if not os.access(PROGRAM, os.X_OK):
        raise harness.Skip(f"lb-cloud-controller is not built: {PROGRAM}")


class Metrics(dict):
    """{(name, frozenset of (label, value)): number}."""

    @staticmethod
    def parsed(text):
        samples = (SAMPLE.match(line) for line in text.splitlines() if not line.startswith("#"))
        return Metrics({(each[1], frozenset(LABEL.findall(each[2] or ""))): float(each[3]) for each in samples if each})

    def value(self, name, **labels):
        """The sum of those that have these labels and perhaps more; None when there is none."""
        wanted = set(labels.items())
        found = [number for (each, has), number in self.items() if each == name and wanted <= has]
        return sum(found) if found else None


class Shim:
    """One shim in a host of a Lab, which ends it with everything else.

    kubeconfig: None: it finds the service account of its pod. servers: --server, one or several; Trivet's token_file and
    ca_file belong to those that are https. options: more of its options, as words. wrapper: words before the command.
    """

    def __init__(self, host, kubeconfig, servers, cluster="c1", name="shim", token_file=None, ca_file=None,
                 port=PORT, options=(), environment=None, wrapper=()):
        need_program()
        self.host, self.name, self.port = host, name, port
        self.directory = host.lab.dir / name
        self.directory.mkdir(exist_ok=True)
        self.log = self.directory / "shim.log"
        self.wrapper = tuple(wrapper)
        self.environment = {**os.environ, **(environment or {})}
        self.arguments = ["--cluster", cluster, "--listen", f"127.0.0.1:{port}", "--identity", name]
        for option, values in (("--kubeconfig", [kubeconfig]), ("--server", servers), ("--token-file", [token_file]),
                               ("--ca-file", [ca_file])):
            for value in values:
                if value is not None:
                    self.arguments += [option, str(value)]
        self.arguments += map(str, options)
        self.process = None

    # ---- life -----------------------------------------------------------------------------------
    def spawn(self):
        """Starts it and does not ask whether it stays."""
        with open(self.log, "ab") as log:
            self.process = self.host.start(*self.wrapper, PROGRAM, *self.arguments, stdout=log, stderr=log,
                                           env=self.environment)
        return self

    def start(self, timeout=PATIENCE):
        """Until /readyz says so: its lists are read, and it holds the Lease."""
        self.spawn()
        wait_for(f"{self.name} to be ready", self.ready, timeout=timeout)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """As a power cut: nothing is put away."""
        if self.alive():
            self.process.kill()
        self.process.wait(timeout=10)

    def stop(self, timeout=30):
        """Politely; whatever a sanitizer found is in the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=timeout)
        assert code == 0, f"{self.name} ended with {code}:\n{self.log_text()[-4000:]}"

    def restart(self, timeout=PATIENCE):
        self.kill()
        return self.start(timeout)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # ---- what it tells --------------------------------------------------------------------------
    def get(self, path, timeout=5):
        """(status, text), or None when it does not answer."""
        return get_text(self.host.netns, "127.0.0.1", self.port, path, timeout)

    def ready(self):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
        answer = self.get("/readyz")
        return answer is not None and answer[0] == 200

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200, (status, text)
        return Metrics.parsed(text)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_lines(self, **fields):
        """Lines as {field: text}; with fields, those that have them with these values."""
        lines = [{key: json.loads(value) if value.startswith('"') else value for key, value in FIELD.findall(line)}
                 for line in self.log_text().splitlines()]
        return [line for line in lines if all(line.get(key) == value for key, value in fields.items())]

    # ---- what it costs --------------------------------------------------------------------------
    def cpu_seconds(self):
        """User and system time since its start."""
        # The program's name may have spaces, and ends with the last parenthesis; utime and stime are fields 14 and 15.
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def memory_bytes(self, kind="VmRSS"):
        """Of its status: VmRSS, now; VmHWM, the most so far."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            if key == kind:
                return int(value.split()[0]) * 1024
        raise AssertionError(f"no {kind} of {self.name}")
