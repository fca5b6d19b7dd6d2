"""What the benchmarks share: the harness of the system tests, the release binaries, tables."""
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
import harness  # noqa: E402

BIN = ROOT / "build" / "bin"
harness.LBD, harness.LBCTL = str(BIN / "lbd"), str(BIN / "lbctl")


def need_root():
    if os.geteuid() != 0:
        sys.exit("this benchmark makes network namespaces and needs root")


def emit(**figures):
    """One JSON object a line on standard output: for programs."""
    print(json.dumps(figures), flush=True)


def table(header, rows):
    """A table on standard error: for people."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(str(cell).rjust(width) for cell, width in zip(row, widths)), file=sys.stderr)


def cluster_of_one(lab, addresses="10.64.0.1/10", pool="10.64.1.0-10.127.255.255"):
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


def load(host, lbd, answer, in_flight, requests, first, seconds_max=30, address="10.64.0.1"):
    """Allocates VIPs over HTTPS from `host`; returns what http_load reports."""
    done = host.run(BIN / "http_load", "--host", address, "--path", "/v1/vips/default", "--body",
                    '{"name":"vip-{n}","pool":"lan","ports":[{"port":80,"protocol":"tcp"}]}',
                    "--token", answer["admin_token"], "--ca-file", lbd.dir / "data/pki/ca.crt",
                    "--in-flight", in_flight, "--requests", requests, "--first", first,
                    "--seconds-max", seconds_max, timeout=seconds_max + 60)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    return json.loads(done.stdout)


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
