"""Kubernetes asks and Trivet answers: a real API server, three lbd, and the shim with the role that is delivered."""
import json
import pathlib
import statistics
import subprocess
import time

import harness
from cluster import PATIENCE
from harness import wait_for
from kube_scene import DUAL_POOL, POOL, SECOND_KUBE_ADDRESS, Scene, Trivet

SEED_SERVICE = pathlib.Path(__file__).resolve().parents[1] / "data/seed/loadBalancer-test.yaml"
RUNS = 20
PORT_FORWARD = """
add table ip stand_in
add chain ip stand_in prerouting {{ type nat hook prerouting priority dstnat; }}
add rule ip stand_in prerouting ip daddr {address} tcp dport 80 redirect to :{node_port}
"""  # what kube-proxy does for a Service of type LoadBalancer on each node


def serve_as_a_node(trivet, address, node_port):
    """kube-proxy and a pod, on every node: the API server runs neither."""
    for node in trivet.cluster.nodes:
        page = trivet.lab.dir / f"page-{node.name}"
        page.mkdir(exist_ok=True)
        (page / "index.html").write_text(f"served by {node.name}\n")
        node.host.start("python3", "-m", "http.server", node_port, "--directory", page,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        node.host.run("nft", "-f", "-", input=PORT_FORWARD.format(address=address, node_port=node_port))


def seconds_until_shown(scene, text):
    begin = time.monotonic()
    scene.kube.kubectl("apply", "-f", "-", input=text)
    scene.wait_shown("nginx")
    return time.monotonic() - begin


def test_the_seed_is_applied_answers_and_gives_its_address_back(lab):
    trivet = Trivet(lab)
    with Scene(trivet) as scene:
        text = SEED_SERVICE.read_text()
        times = []
        for run in range(RUNS):
            times.append(seconds_until_shown(scene, text))
            if run < RUNS - 1:
                scene.delete("nginx")
        print(f"apply to EXTERNAL-IP, {RUNS} runs: median {statistics.median(times):.3f} s, "
              f"{min(times):.3f} to {max(times):.3f} s")
        address, = scene.shown("nginx")
        assert address in scene.kube.kubectl("get", "service", "nginx").stdout
        serve_as_a_node(trivet, address, scene.get("nginx")["spec"]["ports"][0]["nodePort"])
        page = wait_for("the address to answer", lambda: trivet.cluster.client.run(
            "curl", "-s", "--max-time", "2", f"http://{address}/", check=False).stdout, timeout=PATIENCE)
        owner = scene.vip("nginx")["status"]["owner"]
        assert page == f"served by {owner}\n", (page, owner)
        scene.wait_told("nginx", "Allocated", address)
        scene.delete("nginx")
        scene.wait_no_vip("nginx")
        assert trivet.pool()["status"]["assigned"] == 0


def test_two_services_share_an_address_until_a_port_collides(lab):
    with Scene(Trivet(lab)) as scene:
        key = {"trivet.dev/sharing-key": "dns"}
        scene.create("web", key, ports=(80,))
        address, = scene.wait_shown("web")
        wanted = {**key, "trivet.dev/addresses": address}
        scene.create("mail", wanted, ports=(25,))
        scene.wait_shown("mail", address)
        scene.create("other", wanted, ports=(80,))
        scene.wait_told("other", "AllocationFailed", address)
        assert scene.shown("other") == []
        scene.delete("web")
        scene.wait_shown("other", address)
        scene.wait_shown("mail", address)


def test_a_wanted_address_is_refused_while_another_has_it(lab):
    with Scene(Trivet(lab)) as scene:
        address = "10.77.0.120"
        scene.create("first", loadBalancerIP=address)
        scene.wait_shown("first", address)
        scene.create("second", {"metallb.universe.tf/loadBalancerIPs": address})
        message = scene.wait_told("second", "AllocationFailed", address)
        assert "first" in message, f"it does not name the holder: {message}"
        assert scene.shown("second") == []
        scene.delete("first")
        scene.wait_shown("second", address)


def test_contradicting_wishes_are_refused_with_both_named(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web", {"trivet.dev/addresses": "10.77.0.110", "metallb.io/loadBalancerIPs": "10.77.0.111"})
        scene.wait_told("web", "AllocationFailed", "trivet.dev/addresses", "metallb.io/loadBalancerIPs")
        assert scene.shown("web") == []
        scene.change("web", {"metadata": {"annotations": {"metallb.io/loadBalancerIPs": None}}})
        scene.wait_shown("web", "10.77.0.110")


def test_an_exhausted_pool_serves_when_an_address_is_freed(lab):
    with Scene(Trivet(lab, {"name": "one", "addresses": ["10.77.0.100/32"]})) as scene:
        scene.create("first")
        scene.wait_shown("first", "10.77.0.100")
        scene.create("second")
        scene.wait_told("second", "AllocationFailed")
        assert scene.shown("second") == []
        scene.delete("first")
        scene.wait_shown("second", "10.77.0.100")


def test_dual_stack_is_preferred_required_and_upgraded(lab):
    with Scene(Trivet(lab, DUAL_POOL)) as scene:
        for name, policy, count in (("prefer", "PreferDualStack", 2), ("require", "RequireDualStack", 2),
                                    ("single", "SingleStack", 1)):
            scene.create(name, ipFamilyPolicy=policy)
            shown = scene.wait_shown(name, count=count)
            assert len({":" in each for each in shown}) == count, shown
        before = scene.shown("single")
        scene.change("single", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})
        after = scene.wait_shown("single", count=2)
        assert before[0] in after, (before, after)


def test_a_change_of_type_releases_and_the_way_back_serves(lab):
    trivet = Trivet(lab)
    with Scene(trivet) as scene:
        scene.create("web")
        address, = scene.wait_shown("web")
        for _ in range(3):
            scene.change("web", {"spec": {"type": "ClusterIP"}})
            scene.wait_no_vip("web")
            wait_for("the finalizer to be removed", lambda: not scene.get("web")["metadata"].get("finalizers"),
                     timeout=PATIENCE)
            assert scene.shown("web") == []
            scene.change("web", {"spec": {"type": "LoadBalancer"}})
            scene.wait_shown("web")
        scene.wait_told("web", "Released", address)


def test_the_local_policy_follows_endpoints_from_node_to_node(lab):
    trivet = Trivet(lab)
    with Scene(trivet) as scene:
        for node in trivet.cluster.nodes:
            scene.kube.create_node(node.name, node.address)
        scene.kube.put_endpoints("default", "web", [("10.1.1.1", "n1", True), ("10.1.2.1", "n2", False)])
        scene.create("web", externalTrafficPolicy="Local")
        address, = scene.wait_shown("web")
        scene.wait_vip("web", "its owner on n1", lambda vip: vip["status"]["owner"] == "n1")
        scene.kube.put_endpoints("default", "web", [("10.1.1.1", "n1", False), ("10.1.2.1", "n2", True)])
        moved = scene.wait_vip("web", "its owner on n2", lambda vip: vip["status"]["owner"] == "n2")
        assert moved["status"]["addresses"] == [address], moved
        scene.kube.put_endpoints("default", "web", [])
        scene.wait_vip("web", "no owner", lambda vip: not vip["status"]["owner"])
        assert scene.shown("web") == [address]
        scene.kube.put_endpoints("default", "web", [("10.1.3.1", "n3", True)])
        scene.wait_vip("web", "its owner on n3", lambda vip: vip["status"]["owner"] == "n3")


def test_an_excluded_node_carries_no_addresses(lab):
    trivet = Trivet(lab)
    with Scene(trivet) as scene:
        for node in trivet.cluster.nodes:
            scene.kube.create_node(node.name, node.address)
        scene.create("web")
        scene.wait_shown("web")
        owner = scene.wait_vip("web", "an owner", lambda vip: vip["status"]["owner"])["status"]["owner"]
        exclude = "node.kubernetes.io/exclude-from-external-load-balancers"
        scene.kube.label_node(owner, **{exclude: ""})
        others = sorted({node.name for node in trivet.cluster.nodes} - {owner})
        scene.wait_vip("web", f"{others} alone", lambda vip: sorted(vip.get("eligible_nodes", [])) == others)
        scene.kube.label_node(owner, **{exclude: None})
        scene.wait_vip("web", "all nodes", lambda vip: owner in (vip.get("eligible_nodes") or [owner]))


def test_the_same_name_gets_its_address_again_within_the_cooldown(lab):
    with Scene(Trivet(lab, {**POOL, "reuse_cooldown": 600})) as scene:
        scene.create("web")
        address, = scene.wait_shown("web")
        scene.delete("web")
        scene.wait_no_vip("web")
        scene.create("other")
        other, = scene.wait_shown("other")
        assert other != address, "a cooling address went to another Service"
        scene.create("web")
        scene.wait_shown("web", address)


def test_a_thousand_services_at_once(lab):
    count = 1000
    trivet = Trivet(lab, {"name": "wide", "addresses": ["10.88.0.0/16"]})
    with Scene(trivet) as scene:
        begin = time.monotonic()
        items = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"web-{number}", "namespace": "default"},
                  "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}} for number in range(count)]
        scene.kube.kubectl("create", "--validate=false", "-f", "-", timeout=240,
                           input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        created = time.monotonic()

        def served():
            services = scene.kube.administrator.ask("GET", scene.path())["items"]
            shown = [each["ip"] for one in services for each in one["status"]["loadBalancer"].get("ingress", [])]
            return shown if len(shown) >= count else None

        shown = wait_for("all to be served", served, timeout=240, interval=0.5)
        print(f"{count} Services created in {created - begin:.1f} s, served after {time.monotonic() - begin:.1f} s; "
              f"shim {scene.shim.cpu_seconds():.1f} CPU s, {scene.shim.memory_bytes('VmHWM') / 2**20:.0f} MiB")
        assert len(set(shown)) == count == len(shown), "an address was given twice"
        trivet.check_no_address_twice()


def test_two_clusters_share_pools_and_not_addresses(lab):
    trivet = Trivet(lab)
    with Scene(trivet, "c1") as one, Scene(trivet, "c2", SECOND_KUBE_ADDRESS) as two:
        for number in range(10):
            for scene in (one, two):
                scene.create(f"web-{number}")
        shown = [scene.wait_shown(f"web-{number}")[0] for number in range(10) for scene in (one, two)]
        assert len(set(shown)) == 20, shown
        kept = {number: two.shown(f"web-{number}") for number in range(10)}
        for number in range(10):
            one.delete(f"web-{number}")
        wait_for("the VIPs of c1 to be gone", lambda: not [name for name in trivet.vips() if name[0] == "c1.default"],
                 timeout=PATIENCE)
        assert {number: two.shown(f"web-{number}") for number in range(10)} == kept
        assert len([name for name in trivet.vips() if name[0] == "c2.default"]) == 10


harness.main(globals())
