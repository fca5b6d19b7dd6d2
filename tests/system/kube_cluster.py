"""A Kubernetes control plane for tests: etcd and a real kube-apiserver in a network namespace, with RBAC and TLS.

No kubelet, scheduler or controller runs there: what they would write (nodes, slices of endpoints) the tests write. The
shim is a user with the role that is delivered for it and no other, so that one that is too small shows. Everything
belongs to a Lab.
"""
import base64
import http.client
import ipaddress
import json
import os
import pathlib
import shutil
import signal

import harness
from bgp_peer import UNPACKED
from harness import Skip, wait_for
from kube_api import MERGE_PATCH, KubeApi, NamespaceConnection
from kube_pki import Pki

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD_SCRIPT = REPOSITORY / "tests/support/build_kube_apiserver.sh"
DEPLOYED = REPOSITORY / "deploy/kubernetes"  # where the shim's own role comes from
ADDRESS, ETCD_PORT, PEER_PORT, API_PORT = "127.0.0.1", 2379, 2380, 6443  # of the namespace: nobody else is there
SERVICE_RANGES = "10.96.0.0/16,fd00:96::/112"  # two: Services may have both families
START_PATIENCE = 120  # seconds; it takes five on a machine that is not busy
# What the API server makes a moment after it has called itself ready.
MADE_AFTER_START = ("/api/v1/namespaces/kube-system", "/api/v1/namespaces/default/services/kubernetes")
NODE_PORTS = range(30000, 32768)
RBAC_KINDS = ("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                "rules": [{"level": "Metadata"}]}


def apiserver_program():
    """The program that ./dev builds, or a Skip that says how to come by it."""
    path = os.environ.get("TRIVET_KUBE_APISERVER") or harness.run(BUILD_SCRIPT, "--where").stdout.strip()
    if not os.access(path, os.X_OK):
        raise Skip("kube-apiserver is not built: run ./dev test kubernetes")
    return path


def peer_program(name, package):
    """What ./dev unpacked goes before what is installed: another kubectl may be ten years younger than the server."""
    unpacked = UNPACKED / "usr/bin" / name
    path = unpacked if unpacked.exists() else shutil.which(name)
    if path is None:
        raise Skip(f"{name} of Debian's {package} is missing: run ./dev test kubernetes")
    return path


def encoded(path):
    return base64.b64encode(pathlib.Path(path).read_bytes()).decode()


class KubeCluster:
    """`with KubeCluster(lab) as kube:` has a ready API server. With addresses it can be reached from other namespaces.

    administrator is a KubeApi of system:masters; kubectl() and kubeconfig are the same user's.
    """

    def __init__(self, lab, name="kube", host=None, addresses=()):
        """host: an existing namespace to live in; addresses: those that others reach it by, for the certificate."""
        self.programs = {"apiserver": apiserver_program(), "etcd": peer_program("etcd", "etcd-server"),
                         "kubectl": peer_program("kubectl", "kubernetes-client")}
        self.lab, self.name, self.host = lab, name, host or lab.host(name)
        self.addresses = addresses
        self.directory = lab.dir / name
        self.directory.mkdir()
        names = [f"IP:{each}" for each in (ADDRESS, *addresses)] + ["DNS:kubernetes", "DNS:localhost"]
        self.pki = Pki(self.directory / "pki", names)
        self.administrator = KubeApi(self.host.netns, ADDRESS, API_PORT, self.pki.ca_certificate,
                                     certificate=self.pki.administrator)
        self.kubeconfig = self.write_kubeconfig("admin", {
            "client-certificate-data": encoded(self.pki.administrator[0]),
            "client-key-data": encoded(self.pki.administrator[1])})
        self.etcd = self.apiserver = None

    def __enter__(self):
        try:
            self.start_etcd()
            self.start_apiserver()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends both and removes what they wrote; their logs go with the lab, which prints them after a failure."""
        for process in (self.apiserver, self.etcd):
            end(process)
        shutil.rmtree(self.directory / "etcd", ignore_errors=True)

    # ---- processes ------------------------------------------------------------------------------
    def spawn(self, name, *arguments):
        with open(self.directory / f"{name}.log", "ab") as log:
            return self.host.start(self.programs[name], *arguments, stdout=log, stderr=log)

    def start_etcd(self):
        client, peer = f"http://{ADDRESS}:{ETCD_PORT}", f"http://{ADDRESS}:{PEER_PORT}"
        self.etcd = self.spawn(
            "etcd", "--name", "one", "--data-dir", self.directory / "etcd", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"one={peer}", "--logger", "zap", "--log-level", "warn")

    def start_apiserver(self):
        """Also after stop_apiserver(): what etcd holds is what was there before."""
        policy = self.directory / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT_POLICY))
        certificate, key = self.pki.server
        self.apiserver = self.spawn(
            "apiserver", "--etcd-servers", f"http://{ADDRESS}:{ETCD_PORT}",
            "--bind-address", "0.0.0.0", "--secure-port", API_PORT,
            "--advertise-address", self.addresses[0] if self.addresses else ADDRESS,
            "--endpoint-reconciler-type", "none",  # nobody goes in through the Service "kubernetes"
            "--cert-dir", self.directory / "pki", "--tls-cert-file", certificate, "--tls-private-key-file", key,
            "--client-ca-file", self.pki.ca_certificate, "--authorization-mode", "RBAC",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", self.pki.account_key,
            "--service-account-signing-key-file", self.pki.account_key,
            "--service-cluster-ip-range", SERVICE_RANGES, "--feature-gates", "IPv6DualStack=true",
            "--service-node-port-range", f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}",
            "--disable-admission-plugins", "ServiceAccount",  # for pods; its controller does not run
            "--audit-policy-file", policy, "--audit-log-path", self.directory / "audit.jsonl")
        wait_for("the API server to be ready", self.ready, timeout=START_PATIENCE, interval=0.1)
        for path in MADE_AFTER_START:
            wait_for(f"{path} to exist", lambda each=path: self.api("GET", each).status == 200, timeout=START_PATIENCE)

    def ready(self):
        for name, process in (("etcd", self.etcd), ("kube-apiserver", self.apiserver)):
            if process.poll() is not None:
                raise AssertionError(f"{name} ended with {process.returncode}; its log is in {self.directory}")
        try:
            return self.administrator.call("GET", "/readyz", timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop_apiserver(self):
        """At once, as a crash does: a polite stop would wait a minute for watches to end."""
        end(self.apiserver)

    def restart_apiserver(self):
        self.stop_apiserver()
        self.start_apiserver()

    def pause(self):
        """The API server neither answers nor breaks a connection."""
        self.apiserver.send_signal(signal.SIGSTOP)

    def resume(self):
        self.apiserver.send_signal(signal.SIGCONT)

    # ---- etcd -----------------------------------------------------------------------------------
    def call_etcd(self, path, body):
        """A POST to etcd's v3 gateway, JSON in and out."""
        connection = NamespaceConnection(self.host.netns, ADDRESS, ETCD_PORT)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == 200, (path, response.status, answer)
        return answer

    def compact_etcd(self):
        """Forgets all versions but the newest; returns that one's revision."""
        revision = self.call_etcd("/v3/maintenance/status", {})["header"]["revision"]
        self.call_etcd("/v3/kv/compaction", {"revision": revision, "physical": True})
        return int(revision)

    # ---- users ----------------------------------------------------------------------------------
    def write_kubeconfig(self, user, credentials, server=None):
        """A file for a user; server: host:port where it is not that of the namespace itself."""
        path = self.directory / f"{user}.kubeconfig"
        lines = [f"    {key}: {value}" for key, value in credentials.items()]
        path.write_text("\n".join([
            "apiVersion: v1", "kind: Config", f"current-context: {self.name}",
            "clusters:", f"- name: {self.name}", "  cluster:",
            f"    server: https://{server or f'{ADDRESS}:{API_PORT}'}",
            f"    certificate-authority-data: {encoded(self.pki.ca_certificate)}",
            "users:", f"- name: {user}", "  user:", *lines,
            "contexts:", f"- name: {self.name}", "  context:", f"    cluster: {self.name}", f"    user: {user}", ""]))
        path.chmod(0o600)
        return path

    def deployed(self):
        """The objects of deploy/kubernetes, as kubectl reads them."""
        text = self.kubectl("create", "--dry-run=client", "-o", "json", "-k", DEPLOYED).stdout.strip()
        decoder, objects = json.JSONDecoder(), []
        while text:  # one object after another
            each, end_of_it = decoder.raw_decode(text)
            objects += each.get("items", [each])
            text = text[end_of_it:].strip()
        return objects

    def grant_shim(self):
        """Applies the shim's role as it is delivered; returns namespace and name of its service account."""
        objects = [each for each in self.deployed() if each["kind"] in RBAC_KINDS]
        self.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        account = next(each for each in objects if each["kind"] == "ServiceAccount")["metadata"]
        return account.get("namespace", "default"), account["name"]

    def lease_options(self):
        """Those of the Deployment: the role is for this Lease and no other."""
        deployment = next(each for each in self.deployed() if each["kind"] == "Deployment")
        words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        return [word for word in words if word.startswith("--lease-")]

    def account_token(self, namespace, name, seconds=3600):
        """What the kubelet would put into a pod."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"expirationSeconds": seconds}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.administrator.ask("POST", path, body)["status"]["token"]

    def shim_kubeconfig(self, server=None):
        """A kubeconfig with a token of the shim's own service account, bound to the delivered role."""
        return self.write_kubeconfig("shim", {"token": self.account_token(*self.grant_shim())}, server)

    def requests_of(self, user):
        """The audit log's entries for what a user asked, in order: verb, requestURI, objectRef, responseStatus."""
        log = self.directory / "audit.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        entries = [json.loads(line) for line in lines if line.endswith("}")]  # the last one may be half written
        return [each for each in entries if each["user"].get("username") == user]

    # ---- what people and controllers do -----------------------------------------------------------
    def kubectl(self, *arguments, input=None, check=True, timeout=60):
        return self.host.run(self.programs["kubectl"], "--kubeconfig", self.kubeconfig, *arguments, check=check,
                             timeout=timeout, input=input, env={**os.environ, "HOME": str(self.directory)})

    def api(self, method, path, body=None, content_type="application/json"):
        """The administrator's call; any answer is returned."""
        return self.administrator.call(method, path, body, content_type)

    def create_namespace(self, name):
        return self.administrator.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def create_node(self, name, *addresses, labels=None, ready=True):
        """As a kubelet registers itself."""
        status = {"addresses": [{"type": "Hostname", "address": name},
                                *({"type": "InternalIP", "address": each} for each in addresses)],
                  "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
        return self.administrator.ask("POST", "/api/v1/nodes", {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
            "status": status})

    def label_node(self, name, **labels):
        """None removes one. For keys that are no Python names, `**{"a/b": "c"}`."""
        return self.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": labels}})

    def patch(self, path, change):
        return self.administrator.ask("PATCH", path, change, MERGE_PATCH)

    def slice_version(self):
        """v1 since 1.21, v1beta1 before."""
        group = self.administrator.ask("GET", "/apis/discovery.k8s.io")
        served = [each["version"] for each in group["versions"]]
        return next(each for each in ("v1", "v1beta1") if each in served)

    def put_endpoints(self, namespace, service, endpoints, port=80, name="http"):
        """Replaces the slices of a Service, one for each family; endpoints: (address, node, ready) each."""
        for version, suffix in ((4, "v4"), (6, "v6")):
            chosen = [each for each in endpoints if ipaddress.ip_address(each[0]).version == version]
            self.put_slice(namespace, service, suffix, f"IPv{version}", chosen, {"name": name, "port": port})

    def put_slice(self, namespace, service, suffix, address_type, endpoints, port):
        version = self.slice_version()
        path = f"/apis/discovery.k8s.io/{version}/namespaces/{namespace}/endpointslices"
        node_of = {"v1": lambda node: {"nodeName": node},
                   "v1beta1": lambda node: {"topology": {"kubernetes.io/hostname": node}}}[version]
        body = {"apiVersion": f"discovery.k8s.io/{version}", "kind": "EndpointSlice",
                "metadata": {"name": f"{service}-{suffix}", "labels": {"kubernetes.io/service-name": service}},
                "addressType": address_type, "ports": [{"protocol": "TCP", **port}],
                "endpoints": [{"addresses": [address], "conditions": {"ready": ready}, **node_of(node)}
                              for address, node, ready in endpoints]}
        answer = self.api("PUT", f"{path}/{service}-{suffix}", body)
        if answer.status == 404:
            if endpoints:
                self.administrator.ask("POST", path, body)
        else:
            assert answer.status == 200, answer


def end(process):
    """Also one that is paused."""
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(timeout=10)
