"""Life of a cluster: nodes come, vote, crash, are replaced, and are lost for good."""
import json
import random
import re
import threading
import time

import cluster as clusters
import harness
from cluster import PATIENCE, Cluster, allocate, allocate_until_done, stored_addresses
from harness import wait_for


def cluster_of_three(lab):
    cluster = Cluster(lab).form(3)
    cluster.create_pool()
    return cluster


def cluster_of_one(lab):
    cluster = Cluster(lab).form(1)
    cluster.create_pool()
    return cluster


def member_of(node, name):
    """What a node says of a member; {} when there is none of that name."""
    view = wait_for(f"{node.name} to answer", node.view)
    return next((m for m in view["members"] if m["node"] == name), {})


def until_it_votes(cluster, node):
    """Joins or promotes, again and again while crashes break it off."""
    def attempt():
        leader = cluster.current_leader()
        role = cluster.roles(leader).get(node.name) if leader else None
        if role == "voter":
            return True
        if role == "agent":
            leader.lbctl("--timeout", 5, "cluster", "promote", node.name, check=False)
        elif leader and node.running():
            made = leader.lbctl("--timeout", 5, "cluster", "invite", "-o", "json", check=False)
            if made.returncode == 0:
                invitation = json.loads(made.stdout)
                node.lbctl("--timeout", 15, "join", invitation["address"], "--token", invitation["token"], "--ca-hash",
                           invitation["ca_hash"], "--voter", check=False)
        return False

    wait_for(f"{node.name} to vote", attempt, timeout=2 * PATIENCE, interval=0.2)


def until_it_is_gone(cluster, node):
    def attempt():
        leader = cluster.current_leader()
        if leader is None:
            return False
        roles = cluster.roles(leader)
        if roles and node.name not in roles:
            return True
        leader.lbctl("--timeout", 5, "cluster", "remove", node.name, check=False)
        return False

    wait_for(f"{node.name} to be removed", attempt, timeout=2 * PATIENCE, interval=0.2)


def crash_during(step, victim, delay):
    """Runs step() and kills the victim meanwhile; it is restarted at once."""
    failures = []

    def guarded():
        try:
            step()
        except Exception as failure:  # shown by the thread that waits for this one
            failures.append(failure)

    thread = threading.Thread(target=guarded, daemon=True)
    began = time.monotonic()
    thread.start()
    wait_for("the moment of the crash", lambda: time.monotonic() > began + delay, interval=0.001)
    victim.kill()
    victim.spawn()  # one that has been removed may say so and end
    thread.join(timeout=3 * PATIENCE)
    assert not thread.is_alive(), "the change hangs"
    if failures:
        raise failures[0]


def test_one_three_five_three_one_under_load_with_a_crash_at_every_step(lab):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    cluster = cluster_of_one(lab)
    voters = [cluster.nodes[0]]

    def victim():
        leader = cluster.leader()
        return leader if chance.random() < 0.5 else chance.choice(voters)

    with clusters.Load(cluster) as load:
        for _ in range(4):
            node = cluster.add()
            crash_during(lambda: until_it_votes(cluster, node), victim(), chance.uniform(0, 0.4))
            voters.append(node)
            cluster.wait_for_voters(n.name for n in voters)
            load.wait_for_more(5)
        for _ in range(4):
            node = chance.choice(voters[1:]) if chance.random() < 0.5 else cluster.leader()
            voters.remove(node)
            crash_during(lambda: until_it_is_gone(cluster, node), chance.choice([*voters, node]), chance.uniform(0, 0.4))
            cluster.wait_for_voters(n.name for n in voters)
            node.kill()
            load.wait_for_more(5)
    last, = voters
    assert cluster.leader() is last
    load.check(last)
    print(f"{len(load.acknowledged)} VIPs acknowledged, none lost")


def test_leader_crash_during_a_membership_change(lab):
    cluster = cluster_of_three(lab)
    fourth = cluster.add()
    cluster.join(fourth, "--agent")
    for delay in (0.0, 0.01, 0.05, 0.2):
        for change, role in (("promote", "voter"), ("demote", "agent")):
            leader = cluster.leader()
            asked = next(n for n in cluster.followers() if n is not fourth)
            crash_during(lambda: asked.lbctl("--timeout", 2, "cluster", change, fourth.name, check=False), leader, delay)
            # Done or not done, but the same everywhere, and the change can be made again.
            cluster.wait_until_serving()
            wait_for(f"{change} to be done, or to be possible again", lambda: (
                cluster.roles().get(fourth.name) == role
                or cluster.leader().lbctl("cluster", change, fourth.name, check=False).returncode == 0), timeout=PATIENCE)
            cluster.wait_for_voters(["n1", "n2", "n3"] + (["n4"] if role == "voter" else []))
            allocate_until_done(cluster, f"{change}-{int(delay * 1000)}")
    assert len(stored_addresses(cluster.leader())) == 8


def test_replacement_of_a_dead_voter(lab):
    cluster = cluster_of_three(lab)
    dead = cluster.followers()[0]
    with clusters.Load(cluster) as load:
        load.wait_for_more()
        old_id = member_of(cluster.leader(), dead.name)["id"]
        dead.kill()
        dead.wipe()
        cluster.leader().lbctl("cluster", "remove", dead.name)
        cluster.wait_for_voters(n.name for n in cluster.nodes if n is not dead)
        load.wait_for_more()
        dead.start()
        cluster.join(dead)  # automatic: there are fewer than three voters
        cluster.wait_for_voters(n.name for n in cluster.nodes)
        load.wait_for_more()
    assert member_of(cluster.leader(), dead.name)["id"] != old_id
    load.check(dead)
    # The new voter counts: with it and one other, the cluster goes on without the third.
    third = next(n for n in cluster.nodes if n is not dead and n is not cluster.leader())
    third.kill()
    allocate_until_done(cluster, "after", through=dead)


def test_permanent_loss_of_the_majority_and_recover(lab):
    cluster = cluster_of_three(lab)
    survivor = cluster.followers()[0]
    lost = [n for n in cluster.nodes if n is not survivor]
    with clusters.Load(cluster) as load:
        load.wait_for_more(20)
    before = stored_addresses(survivor)  # linearizable: it has all that was acknowledged
    refused = survivor.lbctl("cluster", "recover", "--yes", check=False)
    assert refused.returncode == 5, f"while a leader is known it makes a second cluster: {refused}"
    for node in lost:
        node.kill()
    wait_for("the loss to be noticed", lambda: (survivor.view() or {}).get("leader") == "", timeout=PATIENCE)
    unconfirmed = survivor.lbctl("cluster", "recover", check=False)
    assert unconfirmed.returncode != 0 and "--yes" in unconfirmed.stderr, unconfirmed
    survivor.lbctl("cluster", "recover", "--yes")
    cluster.wait_for_voters([survivor.name])
    assert stored_addresses(survivor) == before
    load.check(survivor)
    allocate_until_done(cluster, "after")
    # One of the lost comes back with its old data: it must neither lead nor be counted.
    lost[0].start()
    allocate_until_done(cluster, "after-2", through=survivor)
    assert survivor.view()["leader"] == survivor.name and cluster.voters(survivor) == [survivor.name]
    assert not clusters.answers(lost[0])
    lost[0].kill()
    for node in lost:
        if node.name in cluster.roles():
            cluster.leader().lbctl("cluster", "remove", node.name)
        node.wipe()
        node.start()
        cluster.join(node)
    cluster.wait_for_voters(n.name for n in cluster.nodes)
    assert stored_addresses(lost[1]).keys() == before.keys() | {"after", "after-2"}


def test_a_node_from_an_old_disk_image_is_not_trusted(lab):
    """It has forgotten what it acknowledged: counted as before, it could make the cluster lose it."""
    cluster = cluster_of_three(lab)
    node = cluster.followers()[0]
    assert node.terminate() == 0
    image = node.save_disk()
    node.start()
    cluster.wait_until_serving()
    with clusters.Load(cluster) as load:
        load.wait_for_more(20)
    old_id = member_of(cluster.leader(), node.name)["id"]
    assert node.terminate() == 0
    node.restore_disk(image)
    logged_before = len(node.log_text())
    node.spawn()

    def judged():
        """Refused, or back under another id; in both cases told."""
        member = member_of(cluster.leader(), node.name)
        return member.get("id") != old_id or member["lost_data"] or node.process.poll() not in (None, 0)

    wait_for("the old image to be found out", judged, timeout=PATIENCE)
    told = re.compile(r"old(er)? (copy|image|disk|data)|lost|restored|lacks|forgot", re.IGNORECASE)
    wait_for("its log to say why", lambda: told.search(node.log_text()[logged_before:]), timeout=PATIENCE)
    status = cluster.leader().lbctl("cluster", "status").stdout
    assert node.name in status and told.search(status), status
    load.check(cluster.leader())
    # It is not counted: with one other voter gone, there is no majority.
    other = next(n for n in cluster.followers() if n is not node)
    if member_of(cluster.leader(), node.name).get("lost_data"):
        survivor = cluster.leader()
        other.kill()
        wait_for("the survivor to be alone", lambda: not clusters.answers(survivor), timeout=PATIENCE)
        assert not clusters.answers(node)
        other.start()
        cluster.wait_until_serving([survivor, other])
    # The way back is the one of a dead node.
    if node.process.poll() is None:
        node.kill()
    if node.name in cluster.roles():
        cluster.leader().lbctl("cluster", "remove", node.name)
    node.wipe()
    node.start()
    cluster.join(node)
    cluster.wait_for_voters(n.name for n in cluster.nodes)
    load.check(node)


def test_a_wiped_node_comes_back_by_invitation_alone(lab):
    cluster = cluster_of_three(lab)
    addresses = allocate_until_done(cluster, "web")
    node = cluster.followers()[0]
    node.kill()
    node.wipe()
    node.start()
    assert clusters.is_no_member(node.call("GET", "/v1/vips/default/web"))
    # Its name is taken by the member that it was.
    invitation = cluster.invite()
    done = node.lbctl("join", invitation["address"], "--token", invitation["token"], "--ca-hash",
                      invitation["ca_hash"], check=False)
    assert done.returncode == 5 and node.name in done.stderr and "remove" in done.stderr, done
    assert cluster.voters() == sorted(n.name for n in cluster.nodes)
    cluster.leader().lbctl("cluster", "remove", node.name)
    cluster.join(node)
    cluster.wait_for_voters(n.name for n in cluster.nodes)
    assert stored_addresses(node) == {"web": addresses}


def join_with(node, invitation, **changed):
    use = {**invitation, **changed}
    return node.lbctl("join", use["address"], "--token", use["token"], "--ca-hash", use["ca_hash"], check=False,
                      timeout=PATIENCE)


def test_a_join_token_is_for_one_node_and_one_hour(lab):
    cluster = cluster_of_one(lab)
    second, third = cluster.add(), cluster.add()
    invitation = cluster.invite()
    wrong_hash = "sha256:" + "0" * 64
    refused = join_with(second, invitation, ca_hash=wrong_hash)
    assert refused.returncode not in (0, 2) and "CA hash" in refused.stderr, refused
    refused = join_with(second, invitation, token=invitation["token"][:-4] + "0000")
    assert refused.returncode == 4, refused
    assert join_with(second, invitation).returncode == 0, "none of that spent the token"
    refused = join_with(third, invitation)
    assert refused.returncode == 4 and "invite" in refused.stderr, refused
    made = cluster.leader().ask("POST", "/v1/cluster/invite", {"valid_for_s": 1})
    assert made.status == 201, made
    expired_at = time.monotonic() + 1.5
    wait_for("the token to expire", lambda: time.monotonic() > expired_at)
    refused = join_with(third, made.body)
    assert refused.returncode == 4 and "expired" in refused.stderr, refused
    assert sorted(cluster.roles()) == ["n1", "n2"], "nobody else came in"
    assert clusters.is_no_member(third.call("GET", "/v1/pools"))
    assert join_with(third, cluster.invite(second)).returncode == 0, "a follower invites, too"
    cluster.wait_for_voters(["n1", "n2", "n3"])


def test_an_agent_follows_and_does_not_vote(lab):
    cluster = cluster_of_three(lab)
    agent = cluster.add()
    cluster.join(agent, "--agent")
    addresses = allocate_until_done(cluster, "web", through=agent)
    assert stored_addresses(agent) == {"web": addresses} and cluster.roles()["n4"] == "agent"
    fifth = cluster.add()
    cluster.join(fifth)  # automatic: there are three voters
    assert cluster.roles()["n5"] == "agent"
    fifth.kill()
    one, other = [n for n in cluster.followers() if n is not agent]
    leader = cluster.leader()
    one.kill()
    allocate_until_done(cluster, "two-of-three", through=agent)
    other.kill()
    wait_for("one voter and one agent to be no majority", lambda: not clusters.answers(leader), timeout=PATIENCE)
    assert allocate(agent, "never").status == 503
    one.start()
    cluster.wait_until_serving([leader, one, agent])
    other.start()
    cluster.wait_until_serving([other])
    cluster.leader().lbctl("cluster", "promote", "n4")
    cluster.wait_for_voters(["n1", "n2", "n3", "n4"])
    assert any("even" in warning for warning in cluster.leader().view()["warnings"])
    cluster.leader().lbctl("cluster", "demote", "n4")
    cluster.wait_for_voters(["n1", "n2", "n3"])


def test_a_snapshot_makes_a_new_cluster(lab):
    cluster = cluster_of_three(lab)
    with clusters.Load(cluster) as load:
        load.wait_for_more(20)
    before = stored_addresses(cluster.leader())
    file = lab.dir / "saved.snapshot"
    cluster.followers()[0].lbctl("snapshot", "save", file)
    cluster.leader().lbctl("snapshot", "inspect", file)
    for node in cluster.nodes:
        node.kill()
    fresh = cluster.add()
    broken = lab.dir / "broken.snapshot"
    broken.write_bytes(file.read_bytes()[:-20])
    refused = fresh.lbctl("snapshot", "restore", broken, check=False)
    assert refused.returncode == 1 and clusters.is_no_member(fresh.call("GET", "/v1/pools")), refused
    answer = fresh.json("snapshot", "restore", file)
    assert stored_addresses(fresh) == before
    load.check(fresh)
    assert fresh.lbctl("snapshot", "restore", file, check=False).returncode == 5
    next_address = allocate_until_done(cluster, "after", through=fresh)
    assert next_address not in before.values()
    # Whoever administered the saved cluster administers this one.
    done = cluster.client.run(harness.LBCTL, "--server", f"https://{fresh.address}:7480", "--ca-hash",
                              answer["ca_hash"], "pool", "list", "-o", "name",
                              env={**harness.os.environ, "LBCTL_TOKEN": cluster.answer["admin_token"]})
    assert done.stdout == "pool/lan\n", done
    second = cluster.add()
    cluster.join(second, through=fresh)
    cluster.wait_for_voters([fresh.name, second.name])


harness.main(globals())
