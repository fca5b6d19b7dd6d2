"""Services of a newer API server (a double of 1.36) and what lb-cloud-controller makes of them in a real lbd."""
import time

import harness
from cluster import PATIENCE
from harness import wait_for
from shim_scene import CLEANUP, DUAL_POOL, HELD_BY, RETRY_PATIENCE, Scene, Trivet

OURS, FOREIGN = "trivet.dev/lb", "other.org/lb"


# ---- one Service ------------------------------------------------------------------------------------
def test_a_service_is_served_and_released(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web", labels={"app": "shop"})
        address, = scene.wait_shown("web")
        vip = scene.vip("web")
        assert vip["status"]["addresses"] == [address], vip
        assert vip["labels"]["app"] == "shop", vip
        assert vip["ports"] == [{"port": 80, "protocol": "tcp"}], vip
        assert scene.is_held("web"), scene.get("web")["metadata"]
        scene.wait_told("web", "Allocated", address)
        scene.delete("web")
        scene.wait_gone("web")
        scene.wait_told("web", "Released", address)
        assert "AllocationFailed" not in dict(scene.told("web")), scene.told("web")


def test_ip_mode_is_kept_and_nothing_is_asked_at_rest(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web")
        address, = scene.wait_shown("web")
        assert scene.ingress("web") == [{"ip": address, "ipMode": "VIP"}], scene.ingress("web")
        scene.check_at_rest()
        proxied = [{"ip": address, "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}]
        scene.double.patch("services", "web", {"status": {"loadBalancer": {"ingress": proxied}}}, subresource="status")
        scene.change("web", {"metadata": {"labels": {"app": "shop"}}})
        scene.wait_vip("web", "get the label", lambda vip: vip["labels"].get("app") == "shop")
        scene.check_at_rest()
        assert scene.ingress("web") == proxied, scene.ingress("web")


def test_a_status_that_somebody_else_overwrites_is_put_right(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web")
        address, = scene.wait_shown("web")
        for entries in ([], [{"ip": "192.0.2.77"}], [{"hostname": "lb.example.com"}]):
            scene.double.patch("services", "web", {"status": {"loadBalancer": {"ingress": entries}}},
                               subresource="status")
            wait_for("the status to be put right", lambda: scene.ingress("web") == [{"ip": address, "ipMode": "VIP"}],
                     timeout=RETRY_PATIENCE)


def test_the_type_changes_back_and_forth(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web")
        scene.wait_shown("web")
        for _ in range(3):
            scene.change("web", {"spec": {"type": "ClusterIP"}})
            wait_for("the VIP to be gone", lambda: scene.vip("web") is None, timeout=RETRY_PATIENCE)
            scene.wait_not_shown("web")
            wait_for("the Service to be let go", lambda: "finalizers" not in scene.get("web")["metadata"],
                     timeout=RETRY_PATIENCE)
            assert HELD_BY not in scene.get("web")["metadata"].get("annotations", {}), scene.get("web")
            scene.change("web", {"spec": {"type": "LoadBalancer"}})
            scene.wait_shown("web")
            assert scene.is_held("web")
        scene.change("web", {"spec": {"type": "NodePort"}})
        wait_for("the VIP to be gone", lambda: scene.vip("web") is None, timeout=RETRY_PATIENCE)


def test_a_class_of_ours_is_served_and_another_is_not_touched(lab):
    with Scene(Trivet(lab)) as scene:
        before = scene.create("foreign", loadBalancerClass=FOREIGN)
        scene.create("ours", loadBalancerClass=OURS)
        scene.wait_shown("ours")
        # One that its own controller serves, with the finalizer that all of them share.
        scene.change("foreign", {"metadata": {"finalizers": [CLEANUP]}})
        scene.double.patch("services", "foreign", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
                           subresource="status")
        scene.delete("foreign")
        scene.check_at_rest()
        after = scene.get("foreign")
        assert after["metadata"]["finalizers"] == [CLEANUP] and scene.shown("foreign") == ["192.0.2.1"], after
        assert after["metadata"]["uid"] == before["metadata"]["uid"] and not scene.told("foreign")
        assert list(scene.trivet.vips()) == ["c1.default/ours"]
        touched = [str(each) for each in scene.double.log if each.name.startswith("foreign")]
        assert not touched, touched


def test_a_class_that_changes_to_another_is_released(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("web", loadBalancerClass=OURS)
        scene.wait_shown("web")
        scene.shim.pause()  # so that it never sees the type between
        scene.change("web", {"spec": {"type": "ClusterIP"}})
        scene.change("web", {"spec": {"type": "LoadBalancer", "loadBalancerClass": FOREIGN}})
        scene.shim.resume()
        wait_for("the Service to be let go", lambda: "finalizers" not in scene.get("web")["metadata"],
                 timeout=RETRY_PATIENCE)
        assert scene.vip("web") is None and scene.shown("web") == [], scene.get("web")
        scene.change("web", {"spec": {"type": "ClusterIP"}})
        scene.change("web", {"spec": {"type": "LoadBalancer"}})
        scene.wait_shown("web")


def test_unclassed_services_are_left_alone_when_asked(lab):
    with Scene(Trivet(lab), options=["--handle-unclassed", "false"]) as scene:
        scene.create("plain")
        scene.create("ours", loadBalancerClass=OURS)
        scene.wait_shown("ours")
        scene.check_at_rest()
        assert "finalizers" not in scene.get("plain")["metadata"] and scene.vip("plain") is None


# ---- addresses --------------------------------------------------------------------------------------
def test_two_services_share_an_address_and_a_port_collision_is_refused(lab):
    with Scene(Trivet(lab)) as scene:
        key = {"trivet.dev/sharing-key": "k", "trivet.dev/addresses": "10.88.0.9"}
        scene.create("web", key, ports=(80,))
        shared = {"metallb.io/allow-shared-ip": "k", "metallb.io/loadBalancerIPs": "10.88.0.9"}
        scene.create("mail", shared, ports=(25,))
        for name in ("web", "mail"):
            scene.wait_shown(name, "10.88.0.9")
        scene.create("other", key, ports=(80,))
        message = scene.wait_told("other", "AllocationFailed", "10.88.0.9")
        assert "web" in message, f"it does not name the holder: {message}"
        assert scene.shown("other") == []
        scene.delete("web")
        scene.wait_shown("other", "10.88.0.9")
        scene.wait_shown("mail", "10.88.0.9")


def test_a_wanted_address_that_is_taken(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("first", loadBalancerIP="10.88.0.20")
        scene.wait_shown("first", "10.88.0.20")
        scene.create("second", {"metallb.universe.tf/loadBalancerIPs": "10.88.0.20"})
        message = scene.wait_told("second", "AllocationFailed", "10.88.0.20")
        assert "first" in message, f"it does not name the holder: {message}"
        assert scene.shown("second") == []
        scene.delete("first")
        scene.wait_shown("second", "10.88.0.20")


def test_an_exhausted_pool_serves_when_an_address_is_freed(lab):
    with Scene(Trivet(lab, "10.88.0.1/32")) as scene:
        scene.create("first")
        scene.wait_shown("first", "10.88.0.1")
        scene.create("second")
        scene.wait_told("second", "AllocationFailed")
        assert scene.shown("second") == []
        scene.delete("first")
        scene.wait_shown("second", "10.88.0.1")
        scene.create("third")
        scene.wait_told("third", "AllocationFailed")
        scene.trivet.pool("PUT", "10.88.0.1/32", "10.88.0.2/32")
        scene.wait_shown("third", "10.88.0.2")


def test_dual_stack_is_preferred_required_and_upgraded(lab):
    with Scene(Trivet(lab, *DUAL_POOL)) as scene:
        for name, policy, count in (("prefer", "PreferDualStack", 2), ("require", "RequireDualStack", 2),
                                    ("single", "SingleStack", 1)):
            scene.create(name, ipFamilyPolicy=policy)
            shown = scene.wait_shown(name, count=count)
            assert len({":" in each for each in shown}) == count, shown
        scene.create("six", ipFamilies=["IPv6"])
        assert ":" in scene.wait_shown("six")[0]
        had, = scene.shown("single")
        scene.change("single", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})
        shown = scene.wait_shown("single", count=2)
        assert had in shown, (had, shown)
        scene.change("single", {"spec": {"ipFamilyPolicy": "SingleStack"}})
        scene.wait_shown("single", had)


def test_dual_stack_with_a_pool_of_one_family(lab):
    with Scene(Trivet(lab, "10.88.0.0/28")) as scene:
        scene.create("prefer", ipFamilyPolicy="PreferDualStack")
        had, = scene.wait_shown("prefer")
        scene.create("require", ipFamilyPolicy="RequireDualStack")
        scene.wait_told("require", "AllocationFailed")
        assert scene.shown("require") == []
        scene.trivet.pool("PUT", *DUAL_POOL)
        assert had in scene.wait_shown("prefer", count=2)
        scene.wait_shown("require", count=2)


def test_the_same_address_after_deletion_and_re_creation(lab):
    with Scene(Trivet(lab, "10.88.0.0/28", reuse_cooldown=600)) as scene:
        had = {}
        for name in ("a", "b", "c"):
            scene.create(name)
            had[name], = scene.wait_shown(name)
        scene.delete("b")
        scene.wait_gone("b")
        scene.create("other")
        assert scene.wait_shown("other")[0] not in had.values()
        scene.create("b")
        scene.wait_shown("b", had["b"])


# ---- annotations ------------------------------------------------------------------------------------
def test_each_wish_by_each_of_its_names(lab):
    trivet = Trivet(lab)
    trivet.ask("POST", "/v1/pools", {"name": "other", "addresses": ["10.99.0.0/24"]})
    with Scene(trivet) as scene:
        places = (("trivet.dev/", "pool", "addresses"), ("metallb.io/", "address-pool", "loadBalancerIPs"),
                  ("metallb.universe.tf/", "address-pool", "loadBalancerIPs"))
        for number, (prefix, pool, addresses) in enumerate(places):
            wanted = f"10.99.0.{100 + number}"
            scene.create(f"pool-{number}", {prefix + pool: "other"})
            scene.create(f"address-{number}", {prefix + addresses: wanted})
            assert scene.wait_shown(f"pool-{number}")[0].startswith("10.99.0.")
            scene.wait_shown(f"address-{number}", wanted)


def test_a_contradiction_is_told_with_both_places(lab):
    with Scene(Trivet(lab)) as scene:
        cases = {
            "a": ({"trivet.dev/addresses": "10.88.0.10", "metallb.io/loadBalancerIPs": "10.88.0.11"}, {}),
            "b": ({"metallb.io/address-pool": "lan", "metallb.universe.tf/address-pool": "other"}, {}),
            "c": ({"trivet.dev/addresses": "10.88.0.12"}, {"loadBalancerIP": "10.88.0.13"}),
            "d": ({"trivet.dev/sharing-key": "x", "metallb.io/allow-shared-ip": "y"}, {})}
        for name, (annotations, spec) in cases.items():
            scene.create(name, annotations, **spec)
            places = [*annotations, *(f"spec.{each}" for each in spec)]
            scene.wait_told(name, "AllocationFailed", *places)
            assert scene.vip(name) is None and scene.shown(name) == []
        scene.annotate("a", {"metallb.io/loadBalancerIPs": None})
        scene.wait_shown("a", "10.88.0.10")
        scene.annotate("a", {"metallb.io/loadBalancerIPs": "10.88.0.14"})  # another than it was told of before
        scene.wait_told("a", "AllocationFailed", "10.88.0.14")
        scene.check_at_rest()
        assert scene.shown("a") == ["10.88.0.10"], "what has an address keeps it"


# ---- several of a kind ------------------------------------------------------------------------------
def test_two_clusters_share_a_pool(lab):
    trivet = Trivet(lab, "10.88.0.0/29")
    with Scene(trivet, "c1") as one, Scene(trivet, "c2") as two:
        for name in ("web", "dns"):
            for scene in (one, two):
                scene.create(name)
        shown = [scene.wait_shown(name)[0] for scene in (one, two) for name in ("web", "dns")]
        assert len(set(shown)) == 4, shown
        assert sorted(trivet.vips()) == ["c1.default/dns", "c1.default/web", "c2.default/dns", "c2.default/web"]
        one.delete("web")
        one.wait_gone("web")
        two.check_at_rest()
        assert two.shown("web") == [shown[2]], "the other cluster's address"


def test_a_thousand_services_at_once(lab):
    count = 1000
    with Scene(Trivet(lab)) as scene:
        names = [f"s{number}" for number in range(count)]
        begin = time.monotonic()
        for name in names:
            scene.create(name)
        wait_for("all to be served", lambda: all(each["status"]["loadBalancer"].get("ingress")
                 for each in scene.double.list("services")), timeout=10 * PATIENCE, interval=0.5)
        seconds = time.monotonic() - begin
        print(f"{count} Services served after {seconds:.1f} s")
        addresses = {address for name in names for address in scene.shown(name)}
        assert len(addresses) == count, len(addresses)
        scene.check_at_rest()
        writes = {key: number for key, number in scene.writes().items() if key[0] in ("create", "patch", "update")}
        print(f"writes to the API server: {writes}; memory {scene.shim.memory_bytes() >> 20} MiB, "
              f"CPU {scene.shim.cpu_seconds():.1f} s")
        # Hold, tell, show; a few more where the shim has read an answer later than an event.
        assert sum(writes.values()) <= count * 3.3, writes
        scene.shim.restart()  # it reads them all, page by page on either side, and finds nothing to do
        scene.check_at_rest()
        known = scene.shim.log_lines(msg="this shim works")[-1]
        assert (known["services"], known["vips"]) == (str(count), str(count)), known
        again = {key: number for key, number in scene.writes().items() if key in writes}
        assert again == writes, (again, writes)
        for name in names:
            scene.delete(name)
        wait_for("all to be gone", lambda: not scene.double.list("services"), timeout=10 * PATIENCE, interval=0.5)
        assert not scene.trivet.vips()


def test_a_second_replica_takes_over(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("before")
        had = scene.wait_shown("before")
        second = scene.new_shim("shim-second", port=scene.shim_port + 1).spawn()
        lease, = scene.double.list("leases")
        assert lease["spec"]["holderIdentity"] == scene.shim.name, lease
        scene.shim.kill()
        scene.create("after")
        scene.wait_shown("after")
        lease, = scene.double.list("leases")
        assert lease["spec"]["holderIdentity"] == second.name, lease
        assert scene.shown("before") == had
        second.stop()


harness.main(globals())
