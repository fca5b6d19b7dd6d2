"""Kubernetes, Trivet and the shim between them, as a site has them: an API server, three lbd, one token, one role.

    n1 10.77.0.1  n2 10.77.0.2  n3 10.77.0.3     kube 10.77.0.200 (API server, shim)     client 10.77.0.250

All on one switch. Services are of namespace "default", VIPs of CLUSTER.default.
"""
import json
import shutil

from cluster import PATIENCE, Cluster
from harness import wait_for
from kube_cluster import KubeCluster, apiserver_program
from shim import Shim, need_program

KUBE_ADDRESS = "10.77.0.200"
SECOND_KUBE_ADDRESS = "10.77.0.201"
TRIVET_PORT = 7480
POOL = {"name": "lan", "addresses": ["10.77.0.100-10.77.0.149"]}
DUAL_POOL = {"name": "lan", "addresses": ["10.77.0.100-10.77.0.149", "fd77::100-fd77::1ff"]}


class Trivet:
    """Three lbd and their pools; several Kubernetes clusters may ask them."""

    def __init__(self, lab, *pools, nodes=3):
        need_program()  # and the other, before anything is started
        apiserver_program()
        self.lab, self.cluster = lab, Cluster(lab).form(nodes)
        for pool in pools or (POOL,):
            answer = self.cluster.nodes[0].ask("POST", "/v1/pools", pool)
            assert answer.status == 201, answer

    @property
    def servers(self):
        return [f"https://{node.address}:{TRIVET_PORT}" for node in self.cluster.nodes]

    def token_file(self, kube_name):
        """Of the role cloud, for the namespaces of one Kubernetes cluster; any pool, for Services name none."""
        path = self.lab.dir / f"{kube_name}.token"
        done = self.cluster.nodes[0].lbctl("--timeout", PATIENCE, "token", "create", kube_name, "--namespaces",
                                           f"{kube_name}.*", timeout=PATIENCE + 10)
        path.write_text(done.stdout.strip() + "\n")
        path.chmod(0o600)
        return path

    def pool(self, name="lan"):
        return self.cluster.leader().ask("GET", f"/v1/pools/{name}").body

    def vips(self):
        """All of them, by (namespace, name)."""
        answer = self.cluster.leader().ask("GET", "/v1/vips")
        return {(each["namespace"], each["name"]): each for each in answer.body["items"]}

    def check_no_address_twice(self):
        """Unless they share it by one key."""
        holders = {}
        for name, vip in self.vips().items():
            for address in vip["status"]["addresses"]:
                other = holders.setdefault(address, (name, vip.get("sharing_key", "")))
                assert other[0] == name or other[1] == vip.get("sharing_key", "") != "", (address, other, name)


class Scene:
    """`with Scene(trivet) as scene:` one Kubernetes cluster and its shim, which is ready."""

    def __init__(self, trivet, name="c1", address=KUBE_ADDRESS, options=()):
        self.trivet, self.name = trivet, name
        host = trivet.lab.host(f"kube-{name}")
        trivet.lab.plug(trivet.cluster.switch, host, "eth0", f"{address}/24")
        self.kube = KubeCluster(trivet.lab, name, host, addresses=(address,))
        self.options, self.shim = options, None

    def __enter__(self):
        self.kube.__enter__()
        try:
            self.shim = self.new_shim(f"shim-{self.name}").start()
        except BaseException:
            self.kube.close()
            raise
        return self

    def __exit__(self, *_):
        self.shim.kill()
        self.kube.close()

    def new_shim(self, name, **options):
        authority = self.trivet.lab.dir / f"{self.name}-trivet-ca.crt"
        shutil.copy(self.trivet.cluster.ca_file, authority)
        token = self.trivet.lab.dir / f"{self.name}.token"
        return Shim(self.kube.host, self.kube.shim_kubeconfig(), self.trivet.servers, self.name, name,
                    token_file=token if token.exists() else self.trivet.token_file(self.name), ca_file=authority,
                    options=[*self.kube.lease_options(), *self.options], **options)

    # ---- Services -------------------------------------------------------------------------------
    @staticmethod
    def path(name=None, sub=None):
        return "/".join(["/api/v1/namespaces/default/services", *([name] if name else []), *([sub] if sub else [])])

    def create(self, name, annotations=None, ports=(80,), **spec):
        """A Service of type LoadBalancer by REST; returns the object."""
        return self.kube.administrator.ask("POST", self.path(), {
            "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {"type": "LoadBalancer", "selector": {"app": name},
                     "ports": [{"name": f"p{port}", "port": port} for port in ports], **spec}})

    def get(self, name):
        answer = self.kube.api("GET", self.path(name))
        return answer.body if answer.status == 200 else None

    def change(self, name, change):
        return self.kube.patch(self.path(name), change)

    def delete(self, name):
        """Until it is gone, and its finalizer with it."""
        self.kube.administrator.ask("DELETE", self.path(name))
        self.wait_gone(name)

    def wait_gone(self, name):
        wait_for(f"Service {name} to be gone", lambda: self.get(name) is None, timeout=PATIENCE)

    def shown(self, name):
        """EXTERNAL-IP."""
        ingress = self.get(name)["status"]["loadBalancer"].get("ingress", [])
        return [each["ip"] for each in ingress]

    def wait_shown(self, name, *wanted, count=1):
        """Until it shows these addresses, or so many."""
        def condition():
            shown = self.shown(name)
            return shown if (sorted(shown) == sorted(wanted) if wanted else len(shown) == count) else None
        try:
            return wait_for(f"{name} to show {wanted or count}", condition, timeout=PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told(name)}\n{json.dumps(self.get(name))}") from None

    def wait_none_shown(self, name):
        wait_for(f"{name} to show no address", lambda: self.shown(name) == [], timeout=PATIENCE)

    # ---- Events and VIPs ------------------------------------------------------------------------
    def told(self, name):
        """(reason, message) of the Events of a Service."""
        path = f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}"
        return [(each["reason"], each["message"]) for each in self.kube.administrator.ask("GET", path)["items"]]

    def wait_told(self, name, reason, *words):
        """Until an Event of this reason has all words; returns its message."""
        def condition():
            return next((text for why, text in self.told(name)
                         if why == reason and all(each in text for each in words)), None)
        try:
            return wait_for(f"an Event {reason} with {words}", condition, timeout=PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told(name)}\n{json.dumps(self.get(name))}") from None

    def vip(self, name):
        """Trivet's, or None."""
        answer = self.trivet.cluster.leader().ask("GET", f"/v1/vips/{self.name}.default/{name}")
        return answer.body if answer.status == 200 else None

    def wait_vip(self, name, what, condition):
        def reached():
            vip = self.vip(name)
            return vip if vip is not None and condition(vip) else None
        return wait_for(f"VIP {name} to have {what}", reached, timeout=PATIENCE)

    def wait_no_vip(self, name):
        wait_for(f"VIP {name} to be gone", lambda: self.vip(name) is None, timeout=PATIENCE)
