"""Three nodes as one: who answers what, and what is left when the leader or the network fails."""
import json
import shutil
import threading
import time

import cluster as clusters
import harness
from cluster import Cluster, allocate, allocate_until_done, stored_addresses
from harness import wait_for

STALE = "?consistency=stale"
HANG = 12  # seconds after which an answer counts as none: lbd itself promises one within 10


def cluster_of_three(lab):
    cluster = Cluster(lab).form(3)
    cluster.create_pool()
    return cluster


def test_every_node_answers_reads_and_writes(lab):
    cluster = cluster_of_three(lab)
    one, other = cluster.followers()
    written = allocate_until_done(cluster, "web", through=one)
    for node in (other, *(n for n in cluster.nodes if n is not other)):
        # Linearizable: what was acknowledged is there at once, everywhere.
        read = node.ask("GET", "/v1/vips/default/web")
        assert read.status == 200 and read.body["status"]["addresses"] == written, read
    for node in cluster.nodes:
        allocate_until_done(cluster, f"of-{node.name}", through=node)

    def all_name_one_leader():
        views = [node.view() for node in cluster.nodes]
        named = {(v["leader"], *(m["node"] for m in v["members"] if m["leader"])) for v in views if v}
        return None not in views and len(named) == 1 and len(set(*named)) == 1 and "" not in named.pop()

    wait_for("all nodes to name one leader, in both places", all_name_one_leader)
    assert [m["role"] for m in one.json("cluster", "members")["items"]] == ["voter"] * 3
    answers = [stored_addresses(node) for node in cluster.nodes]
    assert answers[0] == answers[1] == answers[2] and len(answers[0]) == 4, answers
    # What one node refuses, the others refuse for the same reason.
    assert {n.ask("POST", "/v1/vips/default", {"name": "web"}).status for n in cluster.nodes} == {409}


def test_a_cut_off_follower_answers_stale_reads_alone(lab):
    clusters.need_programs("nft")
    cluster = cluster_of_three(lab)
    before = allocate_until_done(cluster, "before")
    cut_off = cluster.followers()[0]
    wait_for("the VIP to reach the follower",
             lambda: cut_off.call("GET", f"/v1/vips/default/before{STALE}").status == 200)
    cluster.isolate(cut_off)
    others = [n for n in cluster.nodes if n is not cut_off]
    wait_for("the other two to go on", lambda: any(clusters.answers(n) for n in others), timeout=clusters.PATIENCE)

    def refused(method, path, body=None):
        """503 that says when to come again, in time."""
        began = time.monotonic()
        answer = cut_off.call(method, path, body, timeout=HANG)
        assert time.monotonic() - began < HANG
        assert answer.status == 503, answer
        assert int(answer.headers["Retry-After"]) >= 1, answer.headers.items()
        assert answer.body["detail"], answer

    refused("GET", "/v1/vips/default/before")
    refused("POST", "/v1/vips/default", {"name": "never", "pool": "lan"})
    stale = cut_off.call("GET", f"/v1/vips/default/before{STALE}", timeout=HANG)
    assert stale.status == 200 and stale.body["status"]["addresses"] == before, stale
    allocate_until_done(cluster, "meanwhile", through=others[0])
    assert cut_off.call("GET", f"/v1/vips/default/meanwhile{STALE}").status == 404
    cluster.heal()
    cluster.wait_until_serving()
    assert cut_off.ask("GET", "/v1/vips/default/meanwhile").status == 200


def test_kill_9_of_the_leader_loses_nothing_acknowledged(lab):
    cluster = cluster_of_three(lab)
    with clusters.Load(cluster) as load:
        load.wait_for_more(20)
        dead = cluster.leader()
        dead.kill()
        next_leader = cluster.leader()
        assert next_leader is not dead
        load.wait_for_more(20)
        load_before_return = dict(load.acknowledged)
        dead.start()
        cluster.wait_until_serving([dead])
        load.wait_for_more(20)
    for node in cluster.nodes:
        load.check(node)
    assert set(load_before_return) <= set(stored_addresses(dead)), "the one that came back has it all"


def test_a_leader_that_is_not_heard_is_replaced(lab):
    """Its messages are lost, those to it are not: it must neither go on leading nor disturb the next leader."""
    clusters.need_programs("nft")
    cluster = cluster_of_three(lab)
    deaf_to = cluster.leader()
    others = [n for n in cluster.nodes if n is not deaf_to]
    for node in others:
        cluster.cut_one_way(deaf_to, node)
    wait_for("another leader", lambda: cluster.current_leader() in others, timeout=clusters.PATIENCE)
    allocate_until_done(cluster, "web", through=cluster.leader())
    term = cluster.leader().view()["term"]
    cluster.heal()
    cluster.wait_until_serving()
    assert stored_addresses(deaf_to).keys() == {"web"}
    assert cluster.leader().view()["term"] >= term


def test_a_leader_that_hears_nobody_steps_down(lab):
    """It is heard, so that nobody stands against it; its own majority check must end that."""
    clusters.need_programs("nft")
    cluster = cluster_of_three(lab)
    deaf = cluster.leader()
    others = [n for n in cluster.nodes if n is not deaf]
    for node in others:
        cluster.cut_one_way(node, deaf)
    wait_for("another leader", lambda: cluster.current_leader() in others, timeout=clusters.PATIENCE)
    allocate_until_done(cluster, "web", through=cluster.leader())
    cluster.heal()
    cluster.wait_until_serving()
    assert stored_addresses(deaf).keys() == {"web"}


def test_a_stopped_leader_comes_back_as_a_follower(lab):
    cluster = cluster_of_three(lab)
    stopped = cluster.leader()
    stopped.pause()
    successor = cluster.leader()
    assert successor is not stopped
    addresses = allocate_until_done(cluster, "web", through=successor)
    stopped.resume()
    cluster.wait_until_serving([stopped])
    # It led when it was stopped, and knows nothing of the write: a read must not come from what it had.
    read = stopped.ask("GET", "/v1/vips/default/web")
    assert read.status == 200 and read.body["status"]["addresses"] == addresses, read


def test_an_idempotency_key_holds_across_a_leader_change(lab):
    cluster = cluster_of_three(lab)
    leader = cluster.leader()
    survivor, other = cluster.followers()
    names = [f"web-{n}" for n in range(24)]
    first = {}

    def send(name):
        try:
            answer = allocate(leader, name, key=f"key-{name}", timeout=HANG)
        except (clusters.Unreachable, OSError, clusters.http.client.HTTPException):
            return  # nobody knows
        if answer.status == 201:
            first[name] = answer.body

    threads = [threading.Thread(target=send, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    wait_for("some answers, while others are still to come", lambda: len(first) >= 3, interval=0.001)
    leader.kill()
    for thread in threads:
        thread.join(timeout=HANG + 5)
    again = {}
    for name in names:
        def repeated(through=survivor, name=name):
            answer = allocate(through, name, key=f"key-{name}", timeout=HANG)
            return answer if answer.status not in clusters.NOT_NOW else None
        answer = wait_for(f"{name} to be answered by another node", repeated, timeout=clusters.PATIENCE)
        assert answer.status == 201, answer
        again[name] = answer.body
    for name, body in first.items():
        assert again[name]["revision"] == body["revision"], "it took effect a second time"
        assert again[name]["status"]["addresses"] == body["status"]["addresses"]
    stored = stored_addresses(other)
    assert sorted(stored) == sorted(names)
    assert other.ask("GET", "/v1/pools/lan").body["status"]["assigned"] == len(names)
    # The same key for something else is a mistake, whoever is asked.
    wait_for("the same key for something else to be refused",
             lambda: allocate(other, "something-else", key="key-web-0").status == 409)
    print(f"{len(first)} of {len(names)} were answered before the leader died")


def test_transfer_moves_leadership(lab):
    cluster = cluster_of_three(lab)
    leader = cluster.leader()
    with clusters.Load(cluster) as load:
        load.wait_for_more()
        target, asked = cluster.followers()
        asked.lbctl("cluster", "transfer", target.name)
        wait_for(f"{target.name} to lead", lambda: cluster.current_leader() is target)
        load.wait_for_more()
        cluster.leader().lbctl("cluster", "transfer", leader.name)
        wait_for(f"{leader.name} to lead", lambda: cluster.current_leader() is leader)
        load.wait_for_more()
    for node in cluster.nodes:
        load.check(node)


def test_the_majority_gone_means_503_and_its_return_heals(lab):
    cluster = cluster_of_three(lab)
    addresses = allocate_until_done(cluster, "web")
    survivor = cluster.leader()
    lost = cluster.followers()
    for node in lost:
        node.kill()
    wait_for("the last one to notice",
             lambda: survivor.call("GET", "/v1/vips/default/web", timeout=HANG).status == 503, timeout=clusters.PATIENCE)
    done = survivor.lbctl("--timeout", 2, "vip", "create", "never", "--pool", "lan", check=False)
    assert done.returncode == 6, done  # no leader
    assert survivor.call("GET", f"/v1/vips/default/web{STALE}").body["status"]["addresses"] == addresses
    lost[0].start()
    cluster.wait_until_serving([survivor, lost[0]])
    assert stored_addresses(survivor)["web"] == addresses


def test_a_leader_whose_disk_is_full_hands_over(lab):
    cluster = cluster_of_three(lab)
    node = cluster.followers()[0]
    data, kept = node.dir / "data", node.dir / "kept"
    assert node.terminate() == 0
    shutil.copytree(data, kept)
    harness.run("mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", data)
    try:
        shutil.copytree(kept, data, dirs_exist_ok=True)
        node.start()
        cluster.wait_until_serving()
        cluster.leader().lbctl("cluster", "transfer", node.name)
        wait_for("it to lead", lambda: cluster.current_leader() is node, timeout=clusters.PATIENCE)
        harness.run("fallocate", "-l", "50m", data / "filler")
        wait_for("another to lead", lambda: cluster.current_leader() not in (None, node), timeout=clusters.PATIENCE)
        allocate_until_done(cluster, "while-full", through=cluster.current_leader())
        assert node.json("status")["read_only"]
        refused = allocate(node, "through-the-full-one")
        assert refused.status == 507 and "free" in refused.body["detail"], refused
        (data / "filler").unlink()
        wait_for("it to heal", lambda: not node.json("status")["read_only"], timeout=clusters.PATIENCE)
        assert node.terminate() == 0
    finally:
        if node.process.poll() is None:
            node.kill()
        harness.run("umount", data)


def test_lbctl_on_a_follower_and_from_afar(lab):
    cluster = cluster_of_three(lab)
    one, other = cluster.followers()
    one.lbctl("vip", "create", "web", "--pool", "lan")
    token = {"LBCTL_TOKEN": cluster.answer["admin_token"]}
    done = cluster.client.run(harness.LBCTL, "--server", f"https://{other.address}:7480", "--ca-hash",
                              cluster.answer["ca_hash"], "vip", "list", "-o", "json",
                              env={**harness.os.environ, **token})
    assert [v["name"] for v in json.loads(done.stdout)["items"]] == ["web"]
    status = other.lbctl("cluster", "status").stdout
    assert cluster.leader().name in status, status


harness.main(globals())
