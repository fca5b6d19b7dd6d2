#!/usr/bin/env python3
"""The main job, shown in network namespaces: `./dev run`.

Three nodes and a client on one switch. Their lbds become a cluster by invitation, import the walk-through's pool and
hand out an address over REST; its owner announces it, and the client fetches a page through it. Then the owner is
killed, and the next one answers.
"""
import argparse
import json
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import cluster as clusters  # noqa: E402
import harness  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "seed"
NODES = 3
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
started = time.monotonic()


def step(text):
    print(f"{BOLD}[{time.monotonic() - started:5.1f} s] {text}{PLAIN}", flush=True)


def show(text):
    print("".join(f"          {line}\n" for line in text.rstrip().splitlines()), end="", flush=True)


def page_of(node):
    return f"Hello through Trivet, from {node.name}\n"


def serve_page(node):
    """A web server on every address of the node, so that the page tells who was reached."""
    site = node.dir / "site"
    site.mkdir()
    (site / "index.html").write_text(page_of(node))
    log = open(node.dir / "site.log", "ab")
    node.host.start("python3", "-m", "http.server", "80", "--directory", site, stdout=log, stderr=log)
    harness.wait_for(f"the web server of {node.name}", lambda: node.host.run(
        "curl", "-sf", f"http://{node.address}/", check=False).stdout, timeout=clusters.PATIENCE)


def form_cluster(lab):
    """n1 by init, the others by invitation; what an operator would type is shown."""
    step("network: nodes n1, n2, n3 (192.168.245.11 to .13) and a client (192.168.245.2) on one switch")
    cluster = clusters.Cluster(lab, "192.168.245", first_host=11, client_host=2)
    for _ in range(NODES):
        serve_page(cluster.add())
    first, *others = cluster.nodes
    cluster.answer = first.init()
    step(f"n1: lbctl init    (a cluster of one; API at {cluster.answer['api']})")
    for node in others:
        step(f"n1: lbctl cluster invite;  {node.name}: the command that it prints")
        invitation, said = cluster.join(node, through=first)
        show(invitation["command"])
        show(said)
    cluster.wait_for_voters(n.name for n in cluster.nodes)
    step("three voters: what one of them acknowledges, a majority has on disk")
    show(first.lbctl("cluster", "members").stdout)
    return cluster


def rest(cluster, node, method, path, body):
    """A REST call from the client's machine, over HTTPS, with the cluster's certificate checked."""
    done = cluster.client.run(
        "curl", "-sS", "--fail-with-body", "--cacert", cluster.ca_file, "-X", method,
        "-H", f"Authorization: Bearer {cluster.answer['admin_token']}", "-H", "Content-Type: application/json",
        "--data", json.dumps(body), f"https://{node.address}:7480{path}")
    return json.loads(done.stdout)


def announcer_of(cluster, name):
    """The node that owns the VIP, once it says itself that it announces it."""
    def announced():
        owner = cluster.nodes[0].json("vip", "show", name)["status"]["owner"]
        node = owner and cluster.member(owner)
        return node if node and node.json("vip", "show", name)["status"]["phase"] == "announced" else None

    return harness.wait_for(f"VIP {name} to be announced", announced, timeout=clusters.PATIENCE)


def show_main_job(lab):
    cluster = form_cluster(lab)
    first, second = cluster.nodes[:2]
    client = cluster.client

    pool_file = DATA / "metallb.layer2.config.yaml"
    step(f"lbctl import metallb -f {pool_file.name}")
    show(first.lbctl("import", "metallb", "-f", pool_file).stdout)

    step(f"POST https://{second.address}:7480/v1/vips/default from the client (any node answers)")
    vip = rest(cluster, second, "POST", "/v1/vips/default",
               {"name": "web", "pool": "default", "ports": [{"port": 80, "protocol": "tcp"}], "delivery": "bind"})
    address = vip["status"]["addresses"][0]
    show(f"VIP default/web got {address}")
    owner = announcer_of(cluster, "web")
    step(f"{owner.name} owns {address} and announces it; the others stand by")

    fetched_at = time.monotonic()
    page = client.run("curl", "-sS", "--max-time", "5", f"http://{address}/").stdout
    if page != page_of(owner):
        raise AssertionError(f"the page through {address} was {page!r}")
    step(f"client: curl http://{address}/ -> {page.strip()!r} in {(time.monotonic() - fetched_at) * 1000:.0f} ms")
    neighbour, mac = client.neighbour(address), owner.host.mac("eth0")
    if neighbour != mac:
        raise AssertionError(f"the client has {neighbour} for {address}, {owner.name} has {mac}")
    show(f"the client's neighbour entry: {address} is at {neighbour}, which is {owner.name}'s eth0")

    service_file = DATA / "loadBalancer-test.yaml"
    step(f"lbctl import metallb -f {service_file.name}  (a Service becomes a VIP, the rest is reported)")
    show(first.lbctl("import", "metallb", "-f", service_file).stdout)
    show(first.lbctl("vip", "list").stdout)
    show_failover(cluster, address, owner)
    return cluster, address


def longest_silence(ping_output):
    """Milliseconds between two answers of `ping -D`."""
    times = [float(t) for t in re.findall(r"^\[(\d+\.\d+)\] \d+ bytes from", ping_output, re.MULTILINE)]
    if len(times) < 2:
        raise AssertionError(f"the client heard nothing: {ping_output!r}")
    return max(later - earlier for earlier, later in zip(times, times[1:])) * 1000


def show_failover(cluster, address, owner):
    """The owner dies while the client asks the VIP every 2 ms."""
    step(f"{owner.name} is killed (kill -9) while the client asks {address} every 2 ms")
    with cluster.client.start("ping", "-n", "-D", "-i", "0.002", "-w", "4", address, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as ping:
        time.sleep(1)  # some answers of the owner first
        owner.kill()
        out, _ = ping.communicate(timeout=30)
    survivor = next(n for n in cluster.nodes if n is not owner)
    new = cluster.member(harness.wait_for("the plan to name the next owner", lambda: (
        survivor.json("vip", "show", "web")["status"]["owner"].replace(owner.name, "") or None),
        timeout=clusters.PATIENCE))
    page = cluster.client.run("curl", "-sS", "--max-time", "5", f"http://{address}/").stdout
    if page != page_of(new):
        raise AssertionError(f"after the failover the page through {address} was {page!r}")
    step(f"the client lost {longest_silence(out):.0f} ms; {new.name} owns {address} now, and serves the page")
    owner.start()
    step(f"{owner.name} is started again, and stands at the end of the list")


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end by itself; exit code 0 only if the page was fetched")
    parser.add_argument("--lbd", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--lbctl", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if harness.os.geteuid() != 0:
        sys.exit("./dev run makes network namespaces and needs root: sudo ./dev run")
    harness.LBD, harness.LBCTL = (str(pathlib.Path(p).resolve()) for p in (options.lbd, options.lbctl))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = harness.Lab()
    try:
        cluster, address = show_main_job(lab)
        if options.once:
            step("done")
            return
        client, node = cluster.client, cluster.nodes[0]
        step("it goes on running until Ctrl-C; try, in another terminal:")
        show(f"ip netns exec {client.netns} curl http://{address}/\n"
             f"ip netns exec {node.host.netns} {harness.LBCTL} --socket {node.socket} vip list -o wide\n"
             f"ip netns exec {node.host.netns} {harness.LBCTL} --socket {node.socket} cluster status\n"
             f"ip netns exec {client.netns} curl --cacert {cluster.ca_file} "
             f"-H 'Authorization: Bearer {cluster.answer['admin_token']}' {cluster.answer['api']}/v1/status")
        signal.sigwait({signal.SIGINT})
    except KeyboardInterrupt:
        pass
    except AssertionError as failure:
        for log in sorted(lab.dir.glob("*/lbd.log")):
            print(f"--- {log}\n{log.read_text()[-4000:]}", file=sys.stderr)
        sys.exit(f"failed: {failure}")
    finally:
        lab.close()


if __name__ == "__main__":
    main()
