"""Following a cluster through one node and then another, and what a token of the role cloud sees of it."""
import http.client
import json
import urllib.parse

import cluster as clusters
import harness
from cluster import PATIENCE, Cluster, UnixConnection, allocate_until_done
from harness import wait_for

LINES_MAX = 10_000  # far more than any test here makes


class Watch:
    """A stream of GET /v1/watch through a node; revision is where another one would go on."""

    def __init__(self, node, **query):
        self.connection = UnixConnection(node.socket, timeout=PATIENCE)
        self.connection.request("GET", "/v1/watch?" + urllib.parse.urlencode(query))
        self.response = self.connection.getresponse()
        assert self.response.status == 200, (self.response.status, self.response.read())
        self.revision = query.get("since", 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def line(self):
        """The next one; None when the stream has ended."""
        try:
            text = self.response.readline()
        except (OSError, http.client.HTTPException):
            return None
        if not text:
            return None
        line = json.loads(text)
        assert line["revision"] >= self.revision, (line, self.revision)
        self.revision = line["revision"]
        return line

    def until(self, what, condition):
        """The first line for which condition() holds."""
        for _ in range(LINES_MAX):
            line = self.line()
            assert line is not None, f"the stream ended before {what}"
            if condition(line):
                return line
        raise AssertionError(f"{LINES_MAX} lines without {what}")

    def names_until(self, wanted):
        """The names of VIPs told, until all that are wanted are among them."""
        told = set()
        self.until(f"all of {wanted}", lambda line: told.add(line.get("object", {}).get("name")) or wanted <= told)
        return told


def cluster_of_three(lab, **pool):
    cluster = Cluster(lab).form(3)
    cluster.create_pool(**pool)
    return cluster


def listed_revision(node):
    return node.ask("GET", "/v1/vips").body["revision"]


def test_a_watch_goes_on_through_another_node(lab):
    cluster = cluster_of_three(lab)
    allocate_until_done(cluster, "before")
    first, second = cluster.followers()
    since = listed_revision(first)
    with Watch(first, kinds="vip", since=since) as watch:
        for number in range(5):
            allocate_until_done(cluster, f"one-{number}")
        told = watch.names_until({f"one-{number}" for number in range(5)})
        assert "before" not in told, told
        watch.until("a bookmark or a complete change", lambda line: True)
        first.kill()
        while watch.line() is not None:
            pass
        since = watch.revision
    for number in range(5):
        allocate_until_done(cluster, f"two-{number}")
    with Watch(second, kinds="vip", since=since) as watch:
        watch.names_until({f"two-{number}" for number in range(5)})


def test_a_watch_tells_of_a_new_owner_and_of_what_was_deleted(lab):
    cluster = cluster_of_three(lab, addresses="10.77.0.200-10.77.0.210")  # on the nodes' subnet: somebody owns it
    allocate_until_done(cluster, "web")

    def owned():
        vip = cluster.leader().ask("GET", "/v1/vips/default/web").body
        return vip if vip["status"]["owner"] else None

    vip = wait_for("web to have an owner", owned)
    owner = vip["status"]["owner"]
    watcher = next(n for n in cluster.nodes if n.name != owner)
    with Watch(watcher, kinds="vip", since=listed_revision(watcher)) as watch:
        cluster.member(owner).kill()
        moved = watch.until("another owner", lambda line: line["type"] == "put" and
                            line["object"]["name"] == "web" and line["object"]["status"]["owner"] not in ("", owner))
        assert moved["object"]["status"]["addresses"] == vip["status"]["addresses"], moved
        watcher.ask("DELETE", "/v1/vips/default/web")
        gone = watch.until("a deletion", lambda line: line["type"] == "delete")
        assert gone["object"] == {"name": "web", "namespace": "default"}, gone
        watcher.terminate()  # a stop ends the stream, whatever it waits for
        while watch.line() is not None:
            pass


def test_a_token_of_the_role_cloud_is_limited_on_every_node(lab):
    clusters.need_programs("curl")
    cluster = cluster_of_three(lab)
    token = cluster.nodes[0].lbctl("--timeout", PATIENCE, "token", "create", "shim", "--namespaces", "prod.*",
                                   "--pools", "lan", timeout=PATIENCE + 10).stdout.strip()

    def call(node, method, path, body=None):
        """The status of a call over TLS from another machine."""
        data = ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body else []
        done = cluster.client.run(
            "curl", "-s", "--max-time", "15", "--cacert", str(cluster.ca_file), "-o", "/dev/null", "-w", "%{http_code}",
            "-X", method, "-H", f"Authorization: Bearer {token}", *data, f"https://{node.address}:7480{path}",
            check=False)
        return int(done.stdout or 0)  # 0: not reached

    for number, node in enumerate(cluster.nodes):
        wait_for(f"{node.name} to know the token", lambda n=node: call(n, "GET", "/v1/status") == 200, timeout=PATIENCE)
        vip = {"name": f"web-{number}", "pool": "lan"}
        wait_for("a VIP", lambda n=node, v=vip: call(n, "POST", "/v1/vips/prod.a", v) in (201, 409), timeout=PATIENCE)
        assert call(node, "POST", "/v1/vips/default", vip) == 403
        assert call(node, "GET", "/v1/tokens") == 403
        assert call(node, "POST", "/v1/cluster/transfer") == 403
    assert len(cluster.nodes[0].ask("GET", "/v1/vips/prod.a").body["items"]) == 3
    assert cluster.nodes[0].ask("DELETE", "/v1/tokens/shim").status == 200
    for node in cluster.nodes:
        wait_for(f"{node.name} to refuse the token", lambda n=node: call(n, "GET", "/v1/status") == 401,
                 timeout=PATIENCE)


harness.main(globals())
