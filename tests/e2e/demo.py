#!/usr/bin/env python3
"""The main job, shown in network namespaces: `./dev run`.

A node and a client on one switch. The node's lbd becomes a cluster, imports the walk-through's pool, hands
out an address over REST, announces it, and the client fetches a page through it.
"""
import argparse
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import harness  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "seed"
PAGE = "Hello through Trivet\n"
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
started = time.monotonic()


def step(text):
    print(f"{BOLD}[{time.monotonic() - started:5.1f} s] {text}{PLAIN}", flush=True)


def show(text):
    print("".join(f"          {line}\n" for line in text.rstrip().splitlines()), end="", flush=True)


def build_network(lab):
    switch = lab.bridge()
    node, client = lab.host("n1"), lab.host("client")
    lab.plug(switch, node, "eth0", "192.168.245.11/24")
    lab.plug(switch, client, "eth0", "192.168.245.2/24")
    return node, client


def serve_page(lab, node):
    site = lab.dir / "site"
    site.mkdir()
    (site / "index.html").write_text(PAGE)
    server = node.start("python3", "-m", "http.server", "80", "--directory", site,
                        stdout=open(lab.dir / "site.log", "ab"), stderr=open(lab.dir / "site.log", "ab"))
    harness.wait_for("the web server", lambda: node.run("curl", "-sf", "http://192.168.245.11/", check=False).stdout)
    return server


def rest(lab, client, answer, method, path, body):
    """A REST call from the client's machine, over HTTPS, with the cluster's certificate checked."""
    done = client.run("curl", "-sS", "--fail-with-body", "--cacert", lab.dir / "n1/data/pki/ca.crt", "-X", method,
                      "-H", f"Authorization: Bearer {answer['admin_token']}", "-H", "Content-Type: application/json",
                      "--data", json.dumps(body), answer["api"] + path)
    return json.loads(done.stdout)


def show_main_job(lab):
    step("network: node n1 (192.168.245.11) and a client (192.168.245.2) on one switch")
    node, client = build_network(lab)
    serve_page(lab, node)

    lbd = harness.Lbd(node)
    lbd.start()
    answer = lbd.init()
    step(f"lbd runs on n1 and is a cluster of one; API at {answer['api']}")

    pool_file = DATA / "metallb.layer2.config.yaml"
    step(f"lbctl import metallb -f {pool_file.name}")
    show(lbd.lbctl("import", "metallb", "-f", pool_file).stdout)

    step("POST /v1/vips/default over HTTPS, from the client")
    vip = rest(lab, client, answer, "POST", "/v1/vips/default",
               {"name": "web", "pool": "default", "ports": [{"port": 80, "protocol": "tcp"}], "delivery": "bind"})
    address = vip["status"]["addresses"][0]
    show(f"VIP default/web got {address}")
    harness.wait_for(f"{address} to be announced",
                     lambda: lbd.json("vip", "show", "web")["status"]["phase"] == "announced")

    fetched_at = time.monotonic()
    page = client.run("curl", "-sS", "--max-time", "5", f"http://{address}/").stdout
    if page != PAGE:
        raise AssertionError(f"the page through {address} was {page!r}")
    step(f"client: curl http://{address}/ -> {page.strip()!r} in {(time.monotonic() - fetched_at) * 1000:.0f} ms")
    neighbour, mac = client.neighbour(address), node.mac("eth0")
    if neighbour != mac:
        raise AssertionError(f"the client has {neighbour} for {address}, n1 has {mac}")
    show(f"the client's neighbour entry: {address} is at {neighbour}, which is n1's eth0")

    service_file = DATA / "loadBalancer-test.yaml"
    step(f"lbctl import metallb -f {service_file.name}  (a Service becomes a VIP, the rest is reported)")
    show(lbd.lbctl("import", "metallb", "-f", service_file).stdout)
    show(lbd.lbctl("vip", "list").stdout)
    return lbd, answer, address


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
        lbd, answer, address = show_main_job(lab)
        if options.once:
            step("done")
            return
        client, node = lab.hosts["client"], lab.hosts["n1"]
        step("it goes on running until Ctrl-C; try, in another terminal:")
        show(f"ip netns exec {client.netns} curl http://{address}/\n"
             f"ip netns exec {node.netns} {harness.LBCTL} --socket {lbd.socket} vip list -o wide\n"
             f"ip netns exec {client.netns} curl --cacert {lab.dir}/n1/data/pki/ca.crt "
             f"-H 'Authorization: Bearer {answer['admin_token']}' {answer['api']}/v1/status")
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
