"""The shim between a double of a newer API server and a real lbd: what its tests do over and over.

Everything is in one namespace of a Lab; with TLS and a token towards the double, and lbd's unix socket.
"""
import pathlib
import socket
import sys

from cluster import PATIENCE, UnixConnection
from harness import Lbd, wait_for
from packets import socket_in
from shim import Shim, need_program

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from kube_double import KubeDouble  # noqa: E402

POOL = "10.88.0.0/22"
DUAL_POOL = ("10.88.0.0/28", "fd88::/124")
RETRY_PATIENCE = 150  # seconds: what was refused is asked for again after at most 60
HELD_BY = "trivet.dev/held-by"
CLEANUP = "service.kubernetes.io/load-balancer-cleanup"
FIRST_PORT, FIRST_SHIM_PORT = 6443, 7482  # in the Lab's own namespace nobody else has them
WATCHED = ("services", "endpointslices", "nodes")
LEASE = {("update", "leases"), ("get", "leases"), ("create", "leases")}


def listener_in(netns, port):
    listener = socket_in(netns, socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


class Trivet:
    """One lbd with a pool; calls go to its socket."""

    def __init__(self, lab, *addresses, **pool):
        need_program()
        self.lab, self.host = lab, lab.host("n1")
        self.lbd = Lbd(self.host).start()
        self.lbd.init()
        self.sockets = [self.lbd.socket]
        self.scenes = 0
        self.pool("POST", *(addresses or [POOL]), **pool)

    def call(self, method, path, body=None):
        connection = UnixConnection(self.sockets[0], timeout=PATIENCE)
        try:
            return connection.call(method, path, body)
        finally:
            connection.close()

    def ask(self, method, path, body=None):
        answer = self.call(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer.body

    def pool(self, method, *addresses, **fields):
        path = "/v1/pools" if method == "POST" else "/v1/pools/lan"
        self.ask(method, path, {"name": "lan", "addresses": list(addresses), **fields})

    def vips(self):
        """{"c1.default/web": VIP, ...}."""
        return {f'{each["namespace"]}/{each["name"]}': each for each in self.ask("GET", "/v1/vips")["items"]}

    def check_no_address_is_given_twice(self):
        held = [address for each in self.vips().values() for address in each["status"]["addresses"]
                if not each["sharing_key"]]
        assert len(held) == len(set(held)), "an address was given twice"


class Scene:
    """A cluster: a double and its shim, at one Trivet. `with Scene(Trivet(lab)) as scene:`"""

    def __init__(self, trivet, cluster="c1", options=(), families=("IPv4", "IPv6"), servers=None):
        self.trivet, self.cluster, self.options = trivet, cluster, tuple(options)
        number = trivet.scenes
        trivet.scenes += 1
        self.directory = trivet.lab.dir / f"double-{cluster}"
        self.directory.mkdir()
        self.double = KubeDouble(self.directory, lambda: listener_in(trivet.host.netns, FIRST_PORT + number), families)
        self.servers = servers or [f"unix:{each}" for each in trivet.sockets]
        self.shim_port = FIRST_SHIM_PORT + 10 * number
        self.kubeconfig = self.double.write_kubeconfig(self.directory / "kubeconfig")
        self.shim = self.new_shim(f"shim-{cluster}")

    def new_shim(self, name, port=None):
        return Shim(self.trivet.host, self.kubeconfig, self.servers, self.cluster, name, port=port or self.shim_port,
                    options=self.options)

    def __enter__(self):
        try:
            self.shim.start()
        except BaseException:
            self.double.close()
            raise
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None and self.shim.alive():
                self.shim.stop()  # what a sanitizer has found fails the test
        finally:
            self.double.close()

    # ---- what people do -------------------------------------------------------------------------
    def create(self, name, annotations=None, ports=(80,), labels=None, **spec):
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {
            "type": "LoadBalancer", "ports": [{"name": f"p{each}", "port": each} for each in ports], **spec}}
        if annotations:
            body["metadata"]["annotations"] = annotations
        if labels:
            body["metadata"]["labels"] = labels
        return self.double.create("services", body)

    def change(self, name, patch):
        return self.double.patch("services", name, patch)

    def annotate(self, name, annotations):
        return self.change(name, {"metadata": {"annotations": annotations}})

    def delete(self, name):
        self.double.delete("services", name)

    def get(self, name):
        return self.double.get("services", name)

    def put_node(self, name, address, labels=None):
        self.double.create("nodes", {"metadata": {"name": name, "labels": labels or {}}, "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}]}})

    def put_endpoints(self, service, nodes):
        """A ready pod on each of these nodes, as the endpoint slice controller would write it."""
        slice_ = {"metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
                  "addressType": "IPv4", "ports": [{"name": "p80", "port": 8080, "protocol": "TCP"}],
                  "endpoints": [{"addresses": [f"10.1.0.{i + 1}"], "nodeName": node, "conditions": {"ready": True}}
                                for i, node in enumerate(nodes)]}
        if self.double.get("endpointslices", slice_["metadata"]["name"]) is None:
            self.double.create("endpointslices", slice_)
        else:
            self.double.patch("endpointslices", slice_["metadata"]["name"], {"endpoints": slice_["endpoints"]})

    # ---- what there is --------------------------------------------------------------------------
    def ingress(self, name):
        service = self.get(name)
        return [] if service is None else service["status"]["loadBalancer"].get("ingress", [])

    def shown(self, name):
        return [each["ip"] for each in self.ingress(name)]

    def wait_shown(self, name, *addresses, count=1, timeout=RETRY_PATIENCE):
        """Until these addresses are in the status, or so many when none are named; returns them."""
        def fits():
            shown = self.shown(name)
            return shown if (sorted(shown) == sorted(addresses) if addresses else len(shown) == count) else None

        return wait_for(f"{name} to show {addresses or count}", fits, timeout=timeout)

    def wait_not_shown(self, name):
        wait_for(f"{name} to show no address", lambda: not self.shown(name), timeout=RETRY_PATIENCE)

    def wait_gone(self, name):
        wait_for(f"{name} to be gone", lambda: self.get(name) is None, timeout=RETRY_PATIENCE)
        assert self.vip(name) is None, self.vip(name)

    def vip(self, name):
        return self.trivet.vips().get(f"{self.cluster}.default/{name}")

    def wait_vip(self, name, what, condition):
        def fits():
            vip = self.vip(name)
            return vip if vip is not None and condition(vip) else None

        return wait_for(f"the VIP of {name} to {what}", fits, timeout=RETRY_PATIENCE)

    def told(self, name):
        """[(reason, message), ...] of its Events, oldest first."""
        events = [each for each in self.double.list("events") if each["involvedObject"]["name"] == name]
        events.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [(each["reason"], each["message"]) for each in events]

    def wait_told(self, name, reason, *texts):
        """Until an Event of this reason has all of these texts; returns its message."""
        def fits():
            return next((message for is_, message in self.told(name)
                         if is_ == reason and all(text in message for text in texts)), None)

        return wait_for(f"{name} to be told {reason} with {texts}; so far {self.told(name)}", fits,
                        timeout=RETRY_PATIENCE)

    def is_held(self, name):
        metadata = self.get(name)["metadata"]
        return CLEANUP in metadata.get("finalizers", []) and \
            metadata.get("annotations", {}).get(HELD_BY) == self.cluster

    def writes(self):
        """Requests so far but for those of the Lease."""
        return {key: number for key, number in self.double.counted().items() if key not in LEASE}

    def check_at_rest(self, renewals=2):
        """While the Lease is renewed so often, the shim asks for nothing else."""
        self.wait_settled()
        begin = self.writes()
        renewed = self.double.count("update", "leases")
        wait_for("the Lease to be renewed", lambda: self.double.count("update", "leases") >= renewed + renewals,
                 timeout=PATIENCE)
        assert self.writes() == begin, (begin, self.writes())

    def wait_settled(self):
        """Until the shim has nothing left in its queue, and watches all that it does."""
        wait_for("its watches to run", lambda: len({each.request.resource for each in self.double.running_watches()})
                 == len(WATCHED), timeout=PATIENCE)
        wait_for("the shim's queue to be empty", lambda: self.shim.metrics().value("trivet_shim_queue") == 0,
                 timeout=RETRY_PATIENCE)
