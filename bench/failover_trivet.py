"""Three nodes of Trivet in the network of ./dev bench failover, behind the same interface as keepalived_peer.py."""
import http.client
import signal

import common
from common import clusters

POOL = "10.64.1.0-10.64.200.255,fd64::1:0-fd64::1:ffff"
NAME = "web"


class FailoverCluster(clusters.Cluster):
    """A cluster whose nodes stand behind access switches."""

    def __init__(self, lab, network):  # not the base's, which makes a switch of its own
        self.lab, self.network, self.client = lab, network, network.client
        self.nodes, self.answer = [], None

    def add(self, extra=""):
        place = self.network.add_node(f"n{len(self.nodes) + 1}")
        node = clusters.Node(place.host, place.host.name, place.address, extra)
        node.place = place
        self.nodes.append(node)
        return node.start()


class Trivet:
    """Owned by a Lab. One cluster serves all profiles, one after the other."""

    def __init__(self, lab, network):
        self.lab, self.network = lab, network
        self.profile, self.vip_addresses = "default", []  # what a new cluster has

    @property
    def name(self):
        return f"trivet-{self.profile}"

    @property
    def nodes(self):
        return self.cluster.nodes

    def form(self):
        self.cluster = FailoverCluster(self.lab, self.network).form(3)
        self.cluster.create_pool(POOL)
        self.cluster.leader().lbctl("vip", "create", NAME, "--pool", "lan", "--ip-families", "ipv4,ipv6",
                                    "--delivery", "bind")
        self.vip_addresses = self.vip()["status"]["addresses"]
        common.harness.wait_for("the VIP to be announced", self.settled, timeout=30)
        return self

    def set_profile(self, name):
        """The lease profile of the whole cluster."""
        if name != self.profile:
            self.cluster.leader().lbctl("cluster", "set-lease-profile", name)
        self.profile = name

    # ---- its processes --------------------------------------------------------------------------
    @staticmethod
    def start(node):
        node.spawn()

    @staticmethod
    def terminate(node):
        node.process.send_signal(signal.SIGTERM)

    @staticmethod
    def kill(node):
        node.process.send_signal(signal.SIGKILL)

    @staticmethod
    def pause(node):
        node.pause()

    @staticmethod
    def resume(node):
        node.resume()

    @staticmethod
    def reap(node):
        """Waits until it is gone that was told to go."""
        node.process.wait(timeout=15)

    # ---- what it says of itself -----------------------------------------------------------------
    def vip(self):
        answer = self.cluster.leader().ask("GET", f"/v1/vips/default/{NAME}")
        assert answer.status == 200, answer
        return answer.body

    def settled(self):
        """Everybody runs, follows one leader and answers, and the VIP is announced."""
        for node in self.nodes:
            if node.process.poll() is not None:
                raise AssertionError(f"{node.name} ended with {node.process.returncode}:\n{node.log_text()[-3000:]}")
        try:
            if any(node.call("GET", "/v1/pools", timeout=2).status != 200 for node in self.nodes):
                return False
            answer = self.nodes[0].call("GET", f"/v1/vips/default/{NAME}", timeout=2)
        except (clusters.Unreachable, OSError, http.client.HTTPException):
            return False
        status = answer.body["status"] if answer.status == 200 else {}
        ready = status.get("phase") == "announced" and len(status.get("standbys", [])) == len(self.nodes) - 1
        return ready and self.cluster.current_leader() is not None

    def owner(self):
        return self.cluster.member(self.vip()["status"]["owner"])

    def prepare(self, owner, leads):
        """Makes the owner the Raft leader, or another node; returns whether it leads."""
        leader = self.cluster.leader()
        if (leader is owner) != leads:
            target = owner if leads else next(n for n in self.nodes if n is not owner)
            leader.lbctl("cluster", "transfer", target.name)
            common.harness.wait_for(f"{target.name} to lead", lambda: self.cluster.current_leader() is target,
                                    timeout=30)
        return leads
