"""The shim, the API server and Trivet fail at the worst moments: no address is lost, none is given twice."""
import contextlib
import ssl

import harness
from cluster import PATIENCE
from harness import wait_for
from kube_api import NamespaceConnection
from kube_cluster import ADDRESS, API_PORT
from kube_gate import AFTER, BEFORE, Gate
from kube_scene import TRIVET_PORT, Scene, Trivet
from shim import Shim

KUBE_GATE, TRIVET_GATE = 6444, 7490
WRITES_MAX = 12  # of one allocation or release; it takes about five
HELD_BY = "trivet.dev/held-by"


class GatedScene(Scene):
    """A scene whose shim sees both servers through gates."""

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        try:
            return super().__enter__()
        except BaseException:
            self.stack.close()
            raise

    def __exit__(self, *words):
        super().__exit__(*words)
        self.stack.close()

    def gate(self, port, upstream):
        gate = Gate(self.kube.host.netns, port, self.kube.pki.server, upstream)
        return self.stack.enter_context(gate)

    def new_shim(self, name, **options):
        netns, kube = self.kube.host.netns, self.kube
        trusted = ssl.create_default_context(cafile=str(self.trivet.cluster.ca_file))
        trusted.check_hostname = False  # who lbd is has been asked elsewhere
        self.kube_gate = self.gate(KUBE_GATE, lambda: NamespaceConnection(
            netns, ADDRESS, API_PORT, kube.administrator.tls_without_user(), timeout=None))
        self.trivet_gate = self.gate(TRIVET_GATE, lambda: NamespaceConnection(
            netns, self.trivet.cluster.nodes[0].address, TRIVET_PORT, trusted, timeout=None))
        return Shim(kube.host, kube.shim_kubeconfig(f"{ADDRESS}:{KUBE_GATE}"), [f"https://{ADDRESS}:{TRIVET_GATE}"],
                    self.name, name, token_file=self.trivet.token_file(self.name), ca_file=kube.pki.ca_certificate,
                    options=[*kube.lease_options(), *self.options], **options)

    def strike_at(self, gate, number, moment, act, name):
        """Does act(), kills the shim at the numbered write of it through the gate; False when there are not so many."""
        gate.arm(lambda write, count: count == number, moment, self.shim.kill)
        act()
        wait_for(f"a strike at write {number}, or the end", lambda: not self.shim.alive() or self.settled(name),
                 timeout=PATIENCE)
        struck = not gate.disarm()
        if struck:
            wait_for("the shim to be dead", lambda: not self.shim.alive())
            self.shim.start()
        return struck

    def settled(self, name):
        """A Service that has all it asked for, or is gone with its VIP."""
        service = self.get(name)
        if service is None:
            return self.vip(name) is None
        return "deletionTimestamp" not in service["metadata"] and bool(self.shown(name))


def check_served(scene, name):
    address, = scene.wait_shown(name)
    service, vip = scene.get(name), scene.vip(name)
    assert vip["status"]["addresses"] == [address], (vip, address)
    assert service["metadata"]["annotations"][HELD_BY] == scene.name, service["metadata"]
    assert len(service["metadata"]["finalizers"]) == 1, service["metadata"]
    allocated = [message for reason, message in scene.told(name) if reason == "Allocated"]
    assert len(allocated) == 1, f"told {len(allocated)} times: {allocated}"
    return address


def writes_undisturbed(scene):
    """How many writes through each gate serve a Service, and release it."""
    counts = {}
    for act, done in ((lambda: scene.create("measured"), lambda: scene.wait_shown("measured")),
                      (lambda: scene.kube.api("DELETE", scene.path("measured")),
                       lambda: scene.wait_gone("measured"))):
        for gate in (scene.kube_gate, scene.trivet_gate):
            gate.arm(lambda *_: False, BEFORE, lambda: None)
        act()
        done()
        for gate, side in ((scene.kube_gate, "kube"), (scene.trivet_gate, "trivet")):
            gate.disarm()
            counts.setdefault(side, []).append(len(gate.seen))
            print(f"{side}: {gate.seen}")
    return counts


def test_the_shim_killed_at_every_write_of_an_allocation_and_a_release_ends_alike(lab):
    trivet = Trivet(lab)
    with GatedScene(trivet) as scene:
        counts = writes_undisturbed(scene)
        assert all(0 < count <= WRITES_MAX for both in counts.values() for count in both), counts
        for side, gate in (("kube", scene.kube_gate), ("trivet", scene.trivet_gate)):
            for moment in (BEFORE, AFTER):
                for number in range(counts[side][0]):
                    name = f"create-{side}-{moment}-{number}"
                    assert scene.strike_at(gate, number, moment, lambda n=name: scene.create(n), name), name
                    check_served(scene, name)
                for number in range(counts[side][1]):
                    name = f"delete-{side}-{moment}-{number}"
                    scene.create(name)
                    check_served(scene, name)
                    assert scene.strike_at(gate, number, moment, lambda n=name: scene.kube.api(
                        "DELETE", scene.path(n)), name), name
                    scene.wait_gone(name)
                    scene.wait_no_vip(name)
                trivet.check_no_address_twice()
        served = [each for each in trivet.vips() if each[1].startswith("create-")]
        assert len(served) == trivet.pool()["status"]["assigned"] == 2 * (counts["kube"][0] + counts["trivet"][0])


def create_some(scene, prefix, count=5):
    names = [f"{prefix}-{number}" for number in range(count)]
    for name in names:
        scene.create(name)
    return {name: scene.wait_shown(name)[0] for name in names}


def check_kept(scene, kept):
    for name, address in kept.items():
        assert scene.shown(name) == [address], (name, address, scene.shown(name))
        assert scene.vip(name)["status"]["addresses"] == [address], name


def test_an_api_server_that_answers_one_empty_list_takes_nothing_away(lab):
    with GatedScene(Trivet(lab), options=("--grace", "1")) as scene:
        kept = create_some(scene, "web")
        emptied = []

        def once(path, body):
            if emptied or not path.startswith("/api/v1/services?") or "items" not in body:
                return None
            emptied.append(path)
            return {**body, "items": [], "metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}}

        scene.kube_gate.change_list = once
        scene.shim.restart()  # its first list is the empty one
        wait_for("an empty list to be read", lambda: emptied, timeout=PATIENCE)
        # It misses five VIPs' Services, lists anew, and knows them again.
        wait_for("the Services to be known again", lambda: scene.shim.metrics().value("trivet_shim_services") >= 5,
                 timeout=PATIENCE)
        check_kept(scene, kept)
        create_some(scene, "later", 2)
        check_kept(scene, kept)


def test_lists_that_stay_empty_release_nothing_without_the_flag(lab):
    with GatedScene(Trivet(lab), options=("--grace", "1")) as scene:
        kept = create_some(scene, "web")

        def always(path, body):
            return {**body, "items": []} if path.startswith("/api/v1/services?") and "items" in body else None

        scene.kube_gate.change_list = always
        scene.shim.restart()
        wait_for("the release of all to be held back",
                 lambda: scene.shim.metrics().value("trivet_shim_mass_release_held_back"), timeout=PATIENCE)
        scene.kube_gate.change_list = None
        check_kept(scene, kept)


def test_an_api_server_restarted_and_compacted_loses_nothing(lab):
    with Scene(Trivet(lab)) as scene:
        kept = create_some(scene, "before")
        scene.shim.pause()  # so that it misses what follows, and its place in the watch is forgotten meanwhile
        scene.create("missed")
        scene.kube.administrator.ask("DELETE", scene.path("before-0"))
        scene.kube.compact_etcd()
        scene.kube.restart_apiserver()
        scene.shim.resume()
        scene.wait_shown("missed")
        scene.wait_gone("before-0")
        del kept["before-0"]
        check_kept(scene, kept)
        create_some(scene, "after")
        scene.trivet.check_no_address_twice()


def test_an_api_server_that_is_away_for_a_while_loses_nothing(lab):
    with Scene(Trivet(lab)) as scene:
        kept = create_some(scene, "before")
        scene.kube.stop_apiserver()
        for name, address in kept.items():
            assert scene.vip(name)["status"]["addresses"] == [address], name
        scene.kube.start_apiserver()
        create_some(scene, "after")
        check_kept(scene, kept)


def test_the_leader_of_trivet_killed_during_allocations_gives_no_address_twice(lab):
    trivet = Trivet(lab)
    with Scene(trivet) as scene:
        names = [f"web-{number}" for number in range(20)]
        for number, name in enumerate(names):
            scene.create(name)
            if number == len(names) // 2:
                leader = trivet.cluster.leader()
                leader.kill()
        shown = [scene.wait_shown(name)[0] for name in names]
        assert len(set(shown)) == len(names), shown
        trivet.check_no_address_twice()
        leader.start()
        scene.delete(names[0])
        scene.wait_no_vip(names[0])


def test_of_two_shims_the_other_goes_on_when_one_is_killed(lab):
    with Scene(Trivet(lab)) as scene:
        kept = create_some(scene, "before")
        second = Scene.new_shim(scene, "second", port=7483)
        second.spawn()
        wait_for("the second to be alive", lambda: second.get("/livez"), timeout=PATIENCE)
        assert second.metrics().value("trivet_shim_leader") == 0
        scene.shim.kill()
        scene.create("after")
        scene.wait_shown("after")
        assert second.metrics().value("trivet_shim_leader") == 1
        check_kept(scene, kept)
        second.stop()


harness.main(globals())
