#!/usr/bin/env python3
"""What lb-cloud-controller costs with many Services: memory, CPU, requests, and how long they wait: ./dev bench shim

The API server is the double of the tests (tests/support/kube_double); it runs in this process and its own pace is
told. lbd and the shim are the release binaries.
"""
import argparse
import os
import time

import common
from harness import wait_for

os.environ["TRIVET_SHIM"] = str(common.BIN / "lb-cloud-controller")  # read when shim is imported
import shim_scene  # noqa: E402

parser = argparse.ArgumentParser(prog="./dev bench shim", description=__doc__)
parser.add_argument("--services", type=int, default=10_000, help="how many")
parser.add_argument("--nodes", type=int, default=25, help="of Kubernetes: each Service has a backend on every one")
parser.add_argument("--pods", type=int, default=3, help="ready ones of each Service: a backend each")
parser.add_argument("--rest-seconds", type=int, default=120, help="how long the cost at rest is measured")
options = parser.parse_args()
if options.nodes > 25:  # passing_nodes_max: a Service would not have them all
    parser.error("--nodes: 25 at most")
common.need_root()

POOL = "10.64.0.0/14"
SERVE_SECONDS_MAX = 900


def resident(pid):
    return common.status_field(pid, "VmRSS") / 1024


def create_services(scene):
    for number in range(options.services):
        name = f"web-{number:05}"
        scene.put_endpoints(name, [f"w{(number + pod) % options.nodes}" for pod in range(options.pods)])
        scene.create(name)


def backends(scene):
    """How many have all of theirs. A slice is told by another watch than its Service."""
    return sum(len(each["backends"]) == options.nodes + options.pods for each in scene.trivet.vips().values())


def served(scene):
    return sum(bool(each["status"]["loadBalancer"].get("ingress")) for each in scene.double.list("services"))


def creation(scene, pid):
    """All Services at once, until each shows its address."""
    cpu, requests, begun = common.process_cpu_seconds(pid), scene.writes(), time.monotonic()
    create_services(scene)
    created = time.monotonic() - begun
    wait_for("every Service to show an address", lambda: served(scene) == options.services, timeout=SERVE_SECONDS_MAX,
             interval=1.0)
    seconds = time.monotonic() - begun
    scene.wait_settled()
    wait_for("every VIP to have its backends", lambda: backends(scene) == options.services, timeout=SERVE_SECONDS_MAX)
    return {"part": "creation", "services": options.services, "created_in_s": created, "seconds": seconds,
            "cpu_s": common.process_cpu_seconds(pid) - cpu, "resident_mib": resident(pid),
            "requests": sum(scene.writes().values()) - sum(requests.values())}


def rest(scene, pid):
    cpu, requests, renewals = common.process_cpu_seconds(pid), scene.writes(), lease_requests(scene)
    begun = time.monotonic()
    time.sleep(options.rest_seconds)
    seconds = time.monotonic() - begun
    return {"part": "rest", "services": options.services, "seconds": seconds, "resident_mib": resident(pid),
            "cpu_percent_of_a_core": 100 * (common.process_cpu_seconds(pid) - cpu) / seconds,
            "requests_per_s": (sum(scene.writes().values()) - sum(requests.values())) / seconds,
            "lease_requests_per_s": (lease_requests(scene) - renewals) / seconds}


def lease_requests(scene):
    return sum(number for key, number in scene.double.counted().items() if key in shim_scene.LEASE)


def one_pod_more(scene):
    """What a Service that grows costs: the slice, the VIP, nothing else."""
    cpu, requests, begun = common.process_cpu_seconds(scene.shim.process.pid), scene.writes(), time.monotonic()
    count = min(1000, options.services)
    for number in range(count):
        scene.put_endpoints(f"web-{number:05}", [f"w{pod}" for pod in range(options.pods + 1)])
    wait_for("the VIPs to have them", lambda: backends(scene) == options.services - count, timeout=SERVE_SECONDS_MAX)
    seconds = time.monotonic() - begun
    scene.wait_settled()
    return {"part": "pods", "services": count, "seconds": seconds,
            "cpu_s": common.process_cpu_seconds(scene.shim.process.pid) - cpu,
            "resident_mib": resident(scene.shim.process.pid),
            "requests": sum(scene.writes().values()) - sum(requests.values())}


def start_again(scene):
    """A shim that finds everything done: lists, looks at each Service, and has nothing to do."""
    before = scene.writes()
    scene.shim.kill()
    begun = time.monotonic()
    scene.shim.start()
    scene.wait_settled()
    pid = scene.shim.process.pid
    return {"part": "start", "services": options.services, "seconds": time.monotonic() - begun,
            "cpu_s": common.process_cpu_seconds(pid), "resident_mib": resident(pid),
            "requests": sum(scene.writes().values()) - sum(before.values())}


with common.laboratory() as lab:
    with shim_scene.Scene(shim_scene.Trivet(lab, POOL)) as scene:
        scene.double.store.rules.node_port_range = range(20_000, 60_000)
        for number in range(options.nodes):
            scene.put_node(f"w{number}", f"10.99.1.{number + 1}")
        figures = [{"part": "empty", "services": 0, "resident_mib": resident(scene.shim.process.pid)}]
        figures.append(creation(scene, scene.shim.process.pid))
        figures.append(rest(scene, scene.shim.process.pid))
        figures.append(one_pod_more(scene))
        figures.append(start_again(scene))
        figures.append(rest(scene, scene.shim.process.pid))
        for each in figures:
            common.emit(bench="shim", **each)
        columns = ["part", "services", "seconds", "cpu_s", "cpu_percent_of_a_core", "resident_mib", "requests",
                   "requests_per_s", "lease_requests_per_s"]
        common.table(columns, [[f"{value:.3g}" if isinstance(value := each.get(column, ""), float) else value
                                for column in columns] for each in figures])
