"""A cluster of lbd processes, each in a network namespace of its own, all on one switch.

What it makes belongs to a Lab, which takes it down. Names of faults say what they do to real traffic:
cuts drop packets in the receiver's namespace, so that TCP sees what a broken network would show it.
"""
import collections
import http.client
import itertools
import json
import shutil
import signal
import socket
import threading

import harness
from harness import Lbd, wait_for

TRANSPORT_PORT = 7481
PATIENCE = 60  # seconds for what takes one: builds with sanitizers, on two cores shared by many tests

NOT_NOW = (503, 504)  # no leader, or one that did not answer in time: the call may be sent again

Answer = collections.namedtuple("Answer", "status headers body")


class Unreachable(Exception):
    """Nobody accepted the connection: what was to be sent cannot have taken effect."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP/1.1 over a unix socket; kept alive, like its base."""

    def __init__(self, path, timeout=10):
        super().__init__("lbd", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self.path)
        except OSError as why:
            self.close()
            raise Unreachable(f"{self.path}: {why}") from None

    def call(self, method, path, body=None, headers=None):
        """One request. Unreachable: not sent. OSError or HTTPException: nobody knows what it did."""
        try:
            if self.sock is None:
                self.connect()
            self.request(method, path, None if body is None else json.dumps(body),
                         {"Content-Type": "application/json", **(headers or {})})
            response = self.getresponse()
            text = response.read()
            return Answer(response.status, response.headers, json.loads(text) if text else None)
        except (OSError, http.client.HTTPException):
            self.close()
            raise


class Node(Lbd):
    """An lbd with an address of its own; its socket is reached without entering the namespace."""

    def __init__(self, host, name, address, extra=""):
        super().__init__(host, name, extra=f'cluster: {{ listen: "{address}:{TRANSPORT_PORT}" }}\n{extra}')
        self.address, self.paused, self.keys = address, False, itertools.count()

    @property
    def data(self):
        return self.dir / "data"

    def running(self):
        return self.process is not None and self.process.poll() is None and not self.paused

    def call(self, method, path, body=None, headers=None, timeout=15):
        connection = UnixConnection(self.socket, timeout)
        try:
            return connection.call(method, path, body, headers)
        finally:
            connection.close()

    def ask(self, method, path, body=None, timeout=PATIENCE):
        """call(), again under one Idempotency-Key while the answer is that no leader answers."""
        key = {} if method == "GET" else {"Idempotency-Key": f"ask-{next(self.keys)}-of-{self.name}"}

        def settled():
            answer = self.call(method, path, body, key)
            return None if answer.status in NOT_NOW else answer

        return wait_for(f"{self.name} to answer {method} {path}", settled, timeout=timeout)

    def view(self):
        """What this node thinks of the cluster; None when it does not answer."""
        try:
            answer = self.call("GET", "/v1/cluster", timeout=2)
        except (Unreachable, OSError, http.client.HTTPException):
            return None
        return answer.body if answer.status == 200 else None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def kill(self):
        self.paused = False  # SIGKILL ends a stopped process, too
        super().kill()

    def wipe(self):
        """A new disk: neither log nor identity nor certificates. Only while it does not run."""
        shutil.rmtree(self.data)
        self.data.mkdir()

    def save_disk(self):
        """A copy of its disk, as an image of a virtual machine would hold it. Only while it does not run."""
        copy = self.dir / "old-data"
        shutil.copytree(self.data, copy)
        return copy

    def restore_disk(self, copy):
        shutil.rmtree(self.data)
        shutil.copytree(copy, self.data)

    def log_text(self):
        return self.log.read_text(errors="replace")


class Cluster:
    """Nodes n1, n2, ... and a client on one switch; form() and join() make members of them."""

    def __init__(self, lab, subnet="10.77.0", prefix_length=24, first_host=1, client_host=250):
        """first_host, client_host: last parts of the addresses of n1 and of the client."""
        self.lab, self.subnet, self.prefix_length, self.first_host = lab, subnet, prefix_length, first_host
        self.switch = lab.bridge()
        self.client = lab.host("client")
        lab.plug(self.switch, self.client, "eth0", f"{subnet}.{client_host}/{prefix_length}")
        self.nodes, self.answer = [], None

    def add(self, extra=""):
        """A machine with a running lbd that belongs to no cluster yet."""
        host = self.lab.host(f"n{len(self.nodes) + 1}")
        address = f"{self.subnet}.{self.first_host + len(self.nodes)}"
        self.lab.plug(self.switch, host, "eth0", f"{address}/{self.prefix_length}")
        node = Node(host, host.name, address, extra)
        self.nodes.append(node)
        return node.start()

    def form(self, count=3):
        """A cluster of `count` voters."""
        for _ in range(count):
            self.add()
        self.answer = self.nodes[0].init()
        for node in self.nodes[1:]:
            self.join(node, "--voter")
        self.wait_for_voters(n.name for n in self.nodes)
        return self

    def invite(self, through=None):
        return (through or self.leader()).json("cluster", "invite")

    def join(self, node, *flags, through=None):
        """Invites and joins; returns what both said, when the node has caught up."""
        invitation = self.invite(through)
        done = node.lbctl("--timeout", PATIENCE, "join", invitation["address"], "--token", invitation["token"],
                          "--ca-hash", invitation["ca_hash"], *flags, timeout=PATIENCE + 10)
        return invitation, done.stdout

    @property
    def ca_file(self):
        return self.nodes[0].data / "pki/ca.crt"

    def member(self, name):
        return next(n for n in self.nodes if n.name == name)

    def current_leader(self):
        """The node that itself says that it leads, in the highest term that anybody names; or None."""
        views = [(n, v) for n in self.nodes if n.running() and (v := n.view())]
        newest = max((v.get("term", 0) for _, v in views), default=0)
        return next((n for n, v in views if v.get("term", 0) == newest and v.get("leader") == n.name), None)

    def leader(self, timeout=PATIENCE):
        return wait_for("a leader", self.current_leader, timeout=timeout)

    def followers(self):
        leader = self.leader()
        return [n for n in self.nodes if n is not leader and n.running()]

    def roles(self, through=None):
        """{"n1": "voter", ...} as the leader, or a given node, knows them."""
        view = (through or self.leader()).view()
        return {m["node"]: m["role"] for m in view.get("members", [])} if view else {}

    def voters(self, through=None):
        return sorted(name for name, role in self.roles(through).items() if role == "voter")

    def wait_for_voters(self, names, timeout=PATIENCE):
        """Until these and no others vote, in the eyes of the leader and of each of them that runs."""
        wanted = sorted(names)

        def agreed():
            asked = [self.current_leader(), *(self.member(n) for n in wanted if self.member(n).running())]
            return None not in asked and all(self.voters(n) == wanted for n in asked)

        wait_for(f"{', '.join(wanted)} to vote", agreed, timeout=timeout)

    def wait_until_serving(self, nodes=None, timeout=PATIENCE):
        """Until each node answers a linearizable read, so that it follows a leader."""
        for node in nodes or [n for n in self.nodes if n.running()]:
            wait_for(f"{node.name} to answer", lambda n=node: answers(n), timeout=timeout)

    # ---- faults of the network ------------------------------------------------------------------
    def cut_one_way(self, source, target):
        """Nothing that source sends reaches target; the other direction works."""
        target.host.run("nft", "-f", "-", input=(
            "add table ip lab_cut\n"
            "add chain ip lab_cut input { type filter hook input priority 0; }\n"
            f"add rule ip lab_cut input ip saddr {source.address} drop\n"))

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def isolate(self, node):
        for other in self.nodes:
            if other is not node:
                self.cut(node, other)

    def heal(self):
        for node in self.nodes:  # "add" first, because deleting what is not there is an error
            node.host.run("nft", "-f", "-", input="add table ip lab_cut\ndelete table ip lab_cut\n")

    # ---- what tests do over and over ------------------------------------------------------------
    def create_pool(self, addresses="10.88.0.0/16"):
        self.leader().lbctl("--timeout", PATIENCE, "pool", "create", "lan", "--addresses", addresses,
                            timeout=PATIENCE + 10)


def answers(node):
    try:
        return node.call("GET", "/v1/pools", timeout=5).status == 200
    except (Unreachable, OSError, http.client.HTTPException):
        return False


def allocate(node, name, key=None, timeout=15):
    """POST of a VIP through a node."""
    headers = {"Idempotency-Key": key} if key else {}
    return node.call("POST", "/v1/vips/default", {"name": name, "pool": "lan"}, headers, timeout)


def allocate_until_done(cluster, name, through=None, timeout=PATIENCE):
    """Sends again under one Idempotency-Key, as lbctl does, until the VIP is acknowledged; returns its addresses."""
    def attempt():
        node = through or cluster.current_leader()
        try:
            answer = node and allocate(node, name, key=f"once-{name}", timeout=5)
        except (Unreachable, OSError, http.client.HTTPException):
            return None
        if answer is None or answer.status in NOT_NOW:
            return None
        assert answer.status == 201, answer
        return answer.body["status"]["addresses"]

    return wait_for(f"VIP {name} to be acknowledged", attempt, timeout=timeout)


def stored_addresses(node):
    """{name: addresses} of all VIPs, by a linearizable read through the node."""
    answer = node.ask("GET", "/v1/vips/default")
    assert answer.status == 200, answer
    return {v["name"]: v["status"]["addresses"] for v in answer.body["items"]}


def is_no_member(answer):
    """Was the node asked before it joined?"""
    return answer.status == 409 and "belongs to no cluster" in answer.body["detail"]


class Workers:
    """Threads that each run work(number) while a with-block lasts; it looks at self.stop."""

    def __init__(self, count):
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=PATIENCE)


class Load(Workers):
    """Allocates through every node that runs, and knows what was acknowledged, for as long as the block lasts.

    What broke off is sent again under its key through another node, so that nothing is left open.
    """

    def __init__(self, cluster, workers=3, interval=0.01):
        """interval: seconds that a worker waits before each call."""
        self.cluster, self.interval = cluster, interval
        super().__init__(workers)
        self.acknowledged, self.failures = {}, []

    def work(self, worker):
        for number in itertools.count():
            name = f"load-{worker}-{number}"
            for node in itertools.cycle(self.cluster.nodes[worker:] + self.cluster.nodes[:worker]):
                if self.stop.wait(self.interval):
                    return
                try:
                    answer = allocate(node, name, key=name, timeout=5) if node.running() else None
                except (Unreachable, OSError, http.client.HTTPException):
                    continue
                if answer is None or answer.status in NOT_NOW or is_no_member(answer):
                    continue
                if answer.status == 201:
                    self.acknowledged[name] = answer.body["status"]["addresses"]
                else:
                    self.failures.append((node.name, name, answer.status, answer.body))
                break

    def wait_for_more(self, count=10):
        """Until so many are acknowledged that were not when this was called."""
        wanted = len(self.acknowledged) + count
        wait_for("allocations to be acknowledged", lambda: len(self.acknowledged) >= wanted, timeout=PATIENCE)

    def check(self, node):
        """Nothing acknowledged is lost, no address was given twice, in the eyes of the node."""
        stored = stored_addresses(node)
        lost = {name for name, addresses in self.acknowledged.items() if stored.get(name) != addresses}
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged VIPs lost or changed: {sorted(lost)[:5]}"
        held = [address for addresses in stored.values() for address in addresses]
        assert len(held) == len(set(held)), "an address was given twice"
        assert not self.failures, self.failures[:5]


def need_programs(*names):
    for name in names:
        if shutil.which(name) is None:
            raise harness.Skip(f"{name} is not installed")
