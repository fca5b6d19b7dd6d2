"""lb-cloud-controller and the nodes: which of Trivet's may own a Service's address."""
import harness
from cluster import Cluster
from harness import wait_for
from shim_scene import RETRY_PATIENCE, Scene, Trivet

from kube_double import EmptyList  # after shim_scene's path

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


class SeveralNodes(Trivet):
    """A cluster of lbd; the shim runs beside the first one and may ask any."""

    def __init__(self, lab, count=3, pool="10.77.0.100-10.77.0.199"):  # of the nodes' subnet, so that it is announced
        self.lab = lab
        self.members = Cluster(lab).form(count)
        self.host = self.members.client
        self.sockets = [each.socket for each in self.members.nodes]
        self.scenes = 0
        self.members.create_pool(pool)

    def call(self, method, path, body=None):
        node = next(each for each in self.members.nodes if each.running())
        return node.ask(method, path, body)


def eligible(nodes):
    return lambda vip: sorted(vip["eligible_nodes"]) == sorted(nodes)


def nobody_is_eligible(trivet_nodes):
    """An empty list would mean everybody."""
    return lambda vip: vip["eligible_nodes"] and not set(vip["eligible_nodes"]) & set(trivet_nodes)


def test_local_follows_the_endpoints_between_nodes(lab):
    with Scene(SeveralNodes(lab)) as scene:
        for number in (1, 2, 3):
            scene.put_node(f"n{number}", f"10.77.0.{number}")
        scene.put_endpoints("web", ["n2"])
        scene.create("web", externalTrafficPolicy="Local")
        address, = scene.wait_shown("web")
        for nodes in (["n2"], ["n3"], ["n1", "n3"], ["n1"]):
            scene.put_endpoints("web", nodes)
            scene.wait_vip("web", f"be on {nodes}", eligible(nodes))
            scene.wait_vip("web", f"be owned by one of {nodes}",
                           lambda vip, nodes=nodes: vip["status"].get("owner") in nodes)
        scene.put_endpoints("web", [])
        scene.wait_vip("web", "be nowhere", nobody_is_eligible(["n1", "n2", "n3"]))
        assert scene.shown("web") == [address], "the address stays"
        scene.change("web", {"spec": {"externalTrafficPolicy": "Cluster"}})
        scene.wait_vip("web", "be everywhere", lambda vip: not vip["eligible_nodes"])
        assert scene.shown("web") == [address]


def test_an_empty_list_of_slices_or_nodes_is_not_believed(lab):
    """It would say that nobody may announce a Local Service, or that nobody is excluded."""
    with Scene(SeveralNodes(lab, count=2)) as scene:
        scene.put_node("n1", "10.77.0.1", {EXCLUDED: ""})
        scene.put_node("n2", "10.77.0.2")
        scene.put_endpoints("local", ["n2"])
        scene.create("local", externalTrafficPolicy="Local")
        scene.create("web")
        before = [scene.wait_vip(name, "be on n2", eligible(["n2"]))["revision"] for name in ("local", "web")]
        for resource in ("endpointslices", "nodes"):
            scene.shim.kill()
            empty = scene.double.arm(EmptyList(resource))
            scene.shim.start()
            assert empty.hit.is_set(), "no list was asked for"
            scene.wait_settled()
            assert [scene.vip(name)["revision"] for name in ("local", "web")] == before, resource


def test_local_with_slices_of_v1beta1(lab):
    """Where nodeName did not exist: topology said it."""
    trivet = SeveralNodes(lab, count=1)
    scene = Scene(trivet)
    scene.double.versions["discovery.k8s.io"] = "v1beta1"
    with scene:
        scene.put_node("n1", "10.77.0.1")
        scene.double.create("endpointslices", {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.0.1"], "topology": {"kubernetes.io/hostname": "n1"}}], "ports": []})
        scene.create("web", externalTrafficPolicy="Local")
        scene.wait_vip("web", "be on n1", eligible(["n1"]))


def test_excluded_nodes_own_nothing(lab):
    with Scene(SeveralNodes(lab)) as scene:
        for number in (1, 2, 3):
            scene.put_node(f"n{number}", f"10.77.0.{number}", {EXCLUDED: ""} if number == 1 else {})
        scene.create("web")
        scene.wait_vip("web", "avoid n1", eligible(["n2", "n3"]))
        scene.double.patch("nodes", "n1", {"metadata": {"labels": {EXCLUDED: None}}})
        scene.wait_vip("web", "be everywhere", lambda vip: not vip["eligible_nodes"])


def test_nodes_of_another_name_are_known_by_their_address(lab):
    with Scene(SeveralNodes(lab)) as scene:
        for number in (1, 2, 3):
            scene.put_node(f"worker-{number}", f"10.77.0.{number}")
        scene.put_endpoints("web", ["worker-2"])
        scene.create("web", externalTrafficPolicy="Local")
        scene.wait_vip("web", "be on n2", eligible(["n2"]))
        scene.double.patch("nodes", "worker-1", {"metadata": {"labels": {EXCLUDED: ""}}})
        scene.put_endpoints("web", ["worker-1", "worker-3"])
        scene.wait_vip("web", "be on n3", eligible(["n3"]))


def test_backends_follow_nodes_and_endpoints(lab):
    with Scene(SeveralNodes(lab, count=2)) as scene:
        scene.put_node("n1", "10.77.0.1")
        scene.put_node("other", "10.66.0.1")  # runs no lbd
        scene.put_endpoints("web", ["n1"])
        scene.create("web")
        port = scene.get("web")["spec"]["ports"][0]["nodePort"]

        def backends(pods, nodes):
            def one(kind, address, target_port, node):
                return {"kind": kind, "port": 80, "protocol": "tcp", "address": address, "target_port": target_port,
                        "node": node}

            wanted = [one("server", address, 8080, node) for address, node in pods] + \
                [one("node_port", address, port, node) for address, node in nodes]
            key = lambda each: (each["kind"], each["address"])  # noqa: E731
            return lambda vip: sorted(vip["backends"], key=key) == sorted(wanted, key=key)

        first, other, second = ("10.77.0.1", "n1"), ("10.66.0.1", ""), ("10.77.0.2", "n2")
        scene.wait_vip("web", "have both ways in", backends([("10.1.0.1", "n1")], [first, other]))
        scene.put_node("n2", "10.77.0.2")
        scene.put_endpoints("web", ["n1", "n2"])
        scene.wait_vip("web", "have the new node and pod",
                       backends([("10.1.0.1", "n1"), ("10.1.0.2", "n2")], [first, other, second]))
        scene.double.delete("nodes", "other")
        scene.put_endpoints("web", ["n2"])
        scene.wait_vip("web", "have lost them", backends([("10.1.0.1", "n2")], [first, second]))
        scene.change("web", {"spec": {"externalTrafficPolicy": "Local"}})
        scene.wait_vip("web", "have the nodes with pods", backends([("10.1.0.1", "n2")], [second]))
        text = scene.trivet.members.nodes[0].lbctl("vip", "show", "c1.default/web").stdout
        assert "80/tcp=10.1.0.1:8080@n2" in text, text


def test_heartbeats_of_nodes_cost_nothing(lab):
    with Scene(SeveralNodes(lab, count=1)) as scene:
        scene.put_node("n1", "10.77.0.1")
        scene.create("web")
        scene.wait_shown("web")
        scene.check_at_rest()
        begin, revision = scene.writes(), scene.vip("web")["revision"]
        for number in range(50):
            scene.double.patch("nodes", "n1", {"metadata": {"annotations": {"heartbeat": str(number)}}})
        scene.check_at_rest()
        assert scene.writes() == begin, (begin, scene.writes())
        assert scene.vip("web")["revision"] == revision


def test_a_leader_that_is_killed_during_allocations(lab):
    count = 60
    trivet = SeveralNodes(lab)
    with Scene(trivet) as scene:
        leader = trivet.members.leader()
        for number in range(count):
            scene.create(f"s{number}")
            if number == count // 3:
                wait_for("the first to be served", lambda: scene.shown("s0"), timeout=RETRY_PATIENCE)
                leader.kill()
        for number in range(count):
            scene.wait_shown(f"s{number}")
        addresses = {scene.shown(f"s{number}")[0] for number in range(count)}
        assert len(addresses) == count, len(addresses)
        trivet.check_no_address_is_given_twice()
        leader.start()
        stored = {key: vip["status"]["addresses"] for key, vip in trivet.vips().items()}
        for number in range(count):
            assert stored[f"c1.default/s{number}"] == scene.shown(f"s{number}"), number
        scene.wait_settled()  # and not at rest: Events of owners that changed come for a minute


harness.main(globals())
