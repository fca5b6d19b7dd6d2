"""What the benchmarks share: the harness of the system tests, the release binaries, tables."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
os.environ.setdefault("TRIVET_PEERS", str(ROOT / "build" / "peers"))  # read when bgp_peer is imported
import harness  # noqa: E402
import cluster as clusters  # noqa: E402

BIN = ROOT / "build" / "bin"
harness.LBD, harness.LBCTL = str(BIN / "lbd"), str(BIN / "lbctl")


def need_root():
    if os.geteuid() != 0:
        sys.exit("this benchmark makes network namespaces and needs root")


@contextlib.contextmanager
def laboratory():
    """A Lab that is taken down whatever ends the benchmark, SIGTERM included."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = harness.Lab()
    try:
        yield lab
    except Exception:
        for log in sorted(lab.dir.glob("*/*.log")):
            print(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        raise
    finally:
        lab.close()


def emit(**figures):
    """One JSON object a line on standard output: for programs."""
    print(json.dumps(figures), flush=True)


def json_of(text):
    """What a program printed; nothing is an empty list, as iproute2 means it."""
    return json.loads(text or "[]")


def say(sentence):
    print(sentence, file=sys.stderr)


def table(header, rows):
    """A table on standard error: for people."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(str(cell).rjust(width) for cell, width in zip(row, widths)), file=sys.stderr)


SUBNET, PREFIX_LENGTH, POOL = "10.64.0", 10, "10.64.1.0-10.127.255.255"


def cluster_of_one(lab, addresses="10.64.0.1/10", pool=POOL):
    """A node whose pool is announced on its eth0, and a client on the same switch."""
    switch = lab.bridge()
    node, client = lab.host("n1"), lab.host("client")
    lab.plug(switch, node, "eth0", addresses)
    lab.plug(switch, client, "eth0", "10.64.0.2/10")
    lbd = harness.Lbd(node)
    lbd.start()
    answer = lbd.init()
    lbd.lbctl("pool", "create", "lan", "--addresses", pool)
    return lbd, answer, client


# The request of every load; a peer is sent the same JSON as the value of a key.
ALLOCATION = '{"name":"vip-{n}","pool":"lan","ports":[{"port":80,"protocol":"tcp"}]}'
ALLOCATION_PATH = "/v1/vips/default"

def cluster_of_three(lab):
    """Three voters on one switch with a pool; the client is a host on the same switch."""
    cluster = clusters.Cluster(lab, SUBNET, PREFIX_LENGTH).form(3)
    cluster.create_pool(POOL)
    return cluster


def http_load(machine, **options):
    """Runs the load program on `machine`: option names are its flags. Returns what it reports."""
    flags = [str(part) for name, value in options.items() for part in ("--" + name.replace("_", "-"), value)]
    done = machine.run(BIN / "http_load", *flags, timeout=options["seconds_max"] + 60)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    return json.loads(done.stdout)


def load(host, lbd, answer, in_flight, requests, first, seconds_max=30, address="10.64.0.1"):
    """Allocates VIPs over HTTPS from `host`; returns what http_load reports."""
    return http_load(host, host=address, path=ALLOCATION_PATH, body=ALLOCATION, token=answer["admin_token"],
                     ca_file=lbd.dir / "data/pki/ca.crt", in_flight=in_flight, requests=requests, first=first,
                     seconds_max=seconds_max)


def burn(seconds):
    """Two busy processes for each processor, for a bounded time."""
    busy = [subprocess.Popen(["timeout", str(seconds), "sh", "-c", "while :; do :; done"])
            for _ in range(2 * os.cpu_count())]
    try:
        for process in busy:
            process.wait(timeout=seconds + 60)
    finally:
        for process in busy:
            process.terminate()
            process.wait(timeout=10)


def filesystem(path):
    return harness.run("stat", "-f", "-c", "%T", path).stdout.strip()


def status_field(pid, name):
    """A field of /proc/PID/status in KiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise AssertionError(f"/proc/{pid}/status has no {name}")


def thread_cpu_seconds(pid):
    """CPU seconds used so far by each thread, by the thread's name."""
    ticks = os.sysconf("SC_CLK_TCK")
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name, rest = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        used[name] = used.get(name, 0) + (int(fields[11]) + int(fields[12])) / ticks
    return used


def process_cpu_seconds(pid):
    """CPU seconds used so far by a process and its ended threads, finer than by ticks: see clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def thread_run_seconds(pid):
    """The same for each thread that lives, by the thread's name."""
    used = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            name, nanoseconds = (task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0])
            used[name] = used.get(name, 0) + nanoseconds / 1e9
    return used
