"""lb-cloud-controller is killed at every step, and its API server lies, stutters and forgets: no address is lost."""
import contextlib
import json
import re

import harness
from cluster import PATIENCE
from harness import wait_for
from shim_scene import RETRY_PATIENCE, Scene, Trivet
from unix_gate import UnixGate

from kube_double import (CutAfter, CutBefore, EmptyList, Garbage, Hold, Refuse, WatchEnd,  # after shim_scene's path
                         WatchError, WatchGarbage)

GRACE = 1  # seconds, so that garbage is looked for within the test
TOO_LARGE = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
ADDRESS = r"10\.88\.\d+\.\d+"  # of the pool
PAGE = 250  # objects that the shim asks for at once

# What it writes, in order: to the API server (verb, resource), or to Trivet (method).
ALLOCATION = (("patch", "services"), "POST", ("create", "events"), ("patch", "services/status"))
RELEASE = (("create", "events"), "DELETE", ("patch", "services"))


def picture(scene, name):
    """All that is left of a Service on both sides, without what differs from one to the next."""
    service, vip, told = scene.get(name), scene.vip(name), scene.told(name)
    parts = {"told": [list(each) for each in told]}
    if service is not None:
        metadata = service["metadata"]
        parts["service"] = {"finalizers": metadata.get("finalizers"), "annotations": metadata.get("annotations"),
                            "ingress": service["status"]["loadBalancer"].get("ingress")}
    if vip is not None:
        parts["vip"] = {key: value for key, value in vip.items() if key not in ("revision", "status")}
        assert vip["status"]["addresses"] == scene.shown(name), (vip, scene.shown(name))
    text = re.sub(ADDRESS, "<address>", json.dumps(parts, sort_keys=True))
    return text.replace(name, "<name>").replace(service["metadata"]["uid"] if service else "<none>", "<uid>")


class GatedScene(Scene):
    """A scene in which requests to Trivet can be stopped, too."""

    def __init__(self, trivet):
        self.gate = UnixGate(trivet.lab.dir / "gate.sock", trivet.lbd.socket)
        super().__init__(trivet, servers=[f"unix:{self.gate.path}"])

    def __exit__(self, *words):
        super().__exit__(*words)
        self.gate.close()

    def kill_at(self, step, after, act):
        """The shim dies while this request of it stands before, or after, its effect; then it is started again."""
        if isinstance(step, str):
            strike = self.gate.arm(step, after)
            stopped, end = strike.stopped, strike.ended.set
        else:
            hold = self.double.arm(Hold(after=after, verb=step[0], resource=step[1]))
            stopped, end = hold.stopped, hold.drop
        try:
            act()
            assert stopped.wait(PATIENCE), f"{step} did not come"
            self.shim.kill()
        finally:
            end()
        self.shim.start()

    def settle(self, name):
        def settled():
            return self.shown(name) or self.get(name) is None
        wait_for(f"{name} to be served or gone", settled, timeout=RETRY_PATIENCE)
        self.wait_settled()


def test_killed_at_every_step_of_an_allocation_and_a_release(lab):
    with GatedScene(Trivet(lab)) as scene:
        acts = (("create", ALLOCATION, scene.create), ("delete", RELEASE, scene.delete))
        wanted = {}
        for word, _, act in acts:
            act("whole")
            scene.settle("whole")
            wanted[word] = picture(scene, "whole")
        kills = 0
        for word, steps, act in acts:
            for step in steps:
                for after in (False, True):
                    name = f"killed-{kills}"
                    if word == "delete":
                        scene.create(name)
                        scene.settle(name)
                    scene.kill_at(step, after, lambda act=act, name=name: act(name))
                    scene.settle(name)
                    is_ = picture(scene, name)
                    assert is_ == wanted[word], f"killed {'after' if after else 'before'} {step}\n{is_}\n{wanted[word]}"
                    kills += 1
        print(f"{kills} kills")
        scene.trivet.check_no_address_is_given_twice()


def test_killed_while_a_service_is_taken_from_it(lab):
    """Of a change of the type each step: status, Event, VIP, finalizer."""
    steps = (("patch", "services/status"), ("create", "events"), "DELETE", ("patch", "services"))
    with GatedScene(Trivet(lab)) as scene:
        for number, step in enumerate(steps):
            for after in (False, True):
                name = f"s{number}-{int(after)}"
                scene.create(name)
                scene.settle(name)
                scene.kill_at(step, after, lambda name=name: scene.change(name, {"spec": {"type": "ClusterIP"}}))
                wait_for(f"{name} to be let go", lambda name=name: "finalizers" not in scene.get(name)["metadata"],
                         timeout=RETRY_PATIENCE)
                assert scene.shown(name) == [] and scene.vip(name) is None, (step, after, scene.get(name))
                assert [each for each, _ in scene.told(name)] == ["Allocated", "Released"], scene.told(name)


def test_the_api_server_restarts_and_misses_nothing(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("before")
        had = scene.wait_shown("before")
        scene.create("doomed")
        scene.wait_shown("doomed")
        scene.double.stop()
        scene.create("meanwhile")
        scene.delete("doomed")
        assert scene.vip("before")["status"]["addresses"] == had
        scene.double.start()
        scene.wait_shown("meanwhile")
        scene.wait_gone("doomed")
        assert scene.shown("before") == had
        for _ in range(5):
            scene.double.drop_connections()
            scene.create(f"after-{scene.double.store.version}")
        wait_for("all to be served", lambda: all(each["status"]["loadBalancer"].get("ingress")
                 for each in scene.double.list("services")), timeout=RETRY_PATIENCE)


def expire_watches(scene):
    """The server forgets while the shim is away, so that its next watch begins too early."""
    scene.double.stop()
    scene.create(f"missed-{scene.double.store.version}")
    scene.double.compact()
    scene.double.start()


def check_watch_expired(lab, as_status):
    with Scene(Trivet(lab)) as scene:
        scene.double.expired_as_status = as_status
        scene.create("before")
        had = scene.wait_shown("before")
        lists = scene.double.count("list", "services")
        expire_watches(scene)
        wait_for("all to be served", lambda: all(each["status"]["loadBalancer"].get("ingress")
                 for each in scene.double.list("services")), timeout=RETRY_PATIENCE)
        assert scene.double.count("list", "services") == lists + 1
        scene.double.expire_watches()  # while they run
        scene.create("later")
        scene.wait_shown("later")
        assert scene.shown("before") == had
        scene.check_at_rest()


def test_a_watch_that_has_expired_says_so_in_an_event(lab):
    check_watch_expired(lab, as_status=False)


def test_a_watch_that_has_expired_says_so_as_a_status(lab):
    check_watch_expired(lab, as_status=True)


def test_a_list_whose_token_expires(lab):
    with Scene(Trivet(lab)) as scene:
        for number in range(PAGE + 50):
            scene.create(f"c{number:04}", type="ClusterIP")
        scene.create("web")
        had = scene.wait_shown("web")
        scene.shim.kill()
        second_page = scene.double.arm(Hold(verb="list", resource="services",
                                            where=lambda request: "continue" in request.query))
        scene.shim.spawn()
        assert second_page.wait(PATIENCE), "no second page was asked for"
        scene.create("z-new")
        scene.double.compact()
        second_page.release()
        scene.wait_shown("z-new")
        assert scene.shown("web") == had
        assert scene.double.count("list", "services") >= 4  # two pages twice, and what came before


def test_an_empty_list_loses_nothing(lab):
    """With a grace period of a second, and six Services: what has no Service is not released before a list says so."""
    with Scene(Trivet(lab), options=["--grace", GRACE]) as scene:
        names = [f"s{number}" for number in range(6)]
        for name in names:
            scene.create(name)
        had = {name: scene.wait_shown(name) for name in names}
        revisions = {key: vip["revision"] for key, vip in scene.trivet.vips().items()}
        for restart in (True, False):
            empty = scene.double.arm(EmptyList("services"))
            if restart:
                scene.shim.restart()
            else:
                scene.double.expire_watches("services")
            assert empty.hit.wait(PATIENCE), "no list was asked for"
            scene.create(f"new-{restart}")
            assert scene.wait_shown(f"new-{restart}")[0] not in {each for shown in had.values() for each in shown}
            lists = scene.double.count("list", "services")
            wait_for("a list after the grace period", lambda lists=lists: scene.double.count("list", "services") > lists
                     or not scene.shim.metrics().value("trivet_shim_vips_without_service"), timeout=PATIENCE)
            scene.wait_settled()
            for name in names:
                assert scene.shown(name) == had[name], name
            now = {key: vip["revision"] for key, vip in scene.trivet.vips().items() if key in revisions}
            assert now == revisions, (now, revisions)
        scene.trivet.check_no_address_is_given_twice()


def test_empty_lists_for_ever_are_held_back(lab):
    """The API server has lost everything, it says, again and again: that needs a person."""
    with Scene(Trivet(lab), options=["--grace", GRACE]) as scene:
        names = [f"s{number}" for number in range(3)]
        for name in names:
            scene.create(name)
            scene.wait_shown(name)
        scene.shim.kill()
        empty = scene.double.arm(EmptyList("services", times=1000))
        scene.shim.start()
        wait_for("the shim to hold back", lambda: scene.shim.metrics().value("trivet_shim_mass_release_held_back") == 1,
                 timeout=PATIENCE)
        assert len(scene.trivet.vips()) == 3
        scene.double.disarm(empty)
        scene.double.expire_watches("services")
        wait_for("all to be back", lambda: scene.shim.metrics().value("trivet_shim_vips_without_service") == 0,
                 timeout=PATIENCE)
        assert len(scene.trivet.vips()) == 3


def test_a_service_removed_by_force_is_garbage(lab):
    with Scene(Trivet(lab), options=["--grace", GRACE]) as scene:
        for name in ("a", "b", "c"):
            scene.create(name)
            scene.wait_shown(name)
        scene.shim.kill()
        scene.change("b", {"metadata": {"finalizers": None}})
        scene.delete("b")
        assert scene.get("b") is None
        scene.shim.start()
        wait_for("the VIP to be released", lambda: scene.vip("b") is None, timeout=PATIENCE)
        assert scene.vip("a") and scene.vip("c")


STUTTERS = {
    "429 on a patch": lambda: Refuse(429, retry_after=1, verb="patch", resource="services"),
    "500 on an Event": lambda: Refuse(500, verb="create", resource="events"),
    "503 on a status": lambda: Refuse(503, verb="patch", resource="services/status"),
    "409 on a status": lambda: Refuse(409, verb="patch", resource="services/status"),
    "an Event that exists": lambda: Refuse(409, reason="AlreadyExists", verb="create", resource="events"),
    "a patch that is cut before": lambda: CutBefore(verb="patch", resource="services"),
    "a patch that is cut after": lambda: CutAfter(verb="patch", resource="services"),
    "a status whose answer is lost": lambda: CutAfter(portion=0, verb="patch", resource="services/status"),
    "garbage for an Event": lambda: Garbage(verb="create", resource="events"),
    "a body that is no JSON": lambda: Garbage(body=b"<html>503</html>", verb="patch", resource="services"),
}
WATCH_STUTTERS = {
    "at once": lambda: WatchEnd(resource="services", times=3),
    "after an event": lambda: WatchEnd(events=1, resource="services", times=3),
    "expired": lambda: WatchError(resource="services"),
    "expired twice": lambda: WatchError(resource="services", times=2),
    "an internal error": lambda: WatchError(500, "etcdserver: leader changed", resource="services"),
    "garbage": lambda: WatchGarbage(resource="services"),
    "too many requests": lambda: Refuse(429, retry_after=1, verb="watch", resource="services"),
    "a version of the future": lambda: Refuse(504, "Too large resource version: 9, current: 8", causes=TOO_LARGE,
                                              verb="watch", resource="services", times=2),
    "unauthorised for a moment": lambda: Refuse(401, verb="watch", resource="services"),
    "a list that is cut": lambda: CutAfter(verb="list", resource="services"),
    "a list of garbage": lambda: Garbage(body=b'{"items": [{}]}', verb="list", resource="services"),
}


def test_calls_that_fail_are_repeated(lab):
    with Scene(Trivet(lab)) as scene:
        for number, (what, make) in enumerate(STUTTERS.items()):
            fault = scene.double.arm(make())
            scene.create(f"s{number}")
            assert fault.hit.wait(PATIENCE), f"never happened: {what}"
            with explained(what):
                address, = scene.wait_shown(f"s{number}")
                assert scene.vip(f"s{number}")["status"]["addresses"] == [address]
                scene.wait_settled()
            told = [each for each in scene.told(f"s{number}") if each[0] != "Allocated"]
            assert not told, (what, told)
        scene.trivet.check_no_address_is_given_twice()


def test_retry_after_is_respected(lab):
    with Scene(Trivet(lab)) as scene:
        fault = scene.double.arm(Refuse(429, retry_after=4, verb="watch", resource="services"))
        scene.double.end_watches("services")
        assert fault.hit.wait(PATIENCE)
        scene.create("web")
        scene.wait_shown("web")
        watches = [each for each in scene.double.log if each.verb == "watch" and each.resource == "services"]
        refused = next(number for number, each in enumerate(watches) if each.status == 429)
        waited = watches[refused + 1].time - watches[refused].time
        assert waited >= 4, f"asked again after {waited:.1f} s"


def test_watches_that_fail_miss_nothing(lab):
    with Scene(Trivet(lab)) as scene:
        scene.create("first")
        had = scene.wait_shown("first")
        for number, (what, make) in enumerate(WATCH_STUTTERS.items()):
            fault = scene.double.arm(make())
            with explained(what):
                if fault.verb == "list":
                    scene.double.expire_watches("services")
                else:
                    scene.double.end_watches("services")
                scene.create(f"s{number}")
                assert fault.hit.wait(PATIENCE), "it never happened"
                scene.wait_shown(f"s{number}")
                wait_for("the fault to be over", lambda fault=fault: fault.hits == fault.times or fault.verb == "watch",
                         timeout=PATIENCE)
            scene.double.disarm(fault)
        assert scene.shown("first") == had
        scene.trivet.check_no_address_is_given_twice()


def test_watches_of_a_second_in_small_chunks(lab):
    """As behind a proxy: each watch lasts a second, and events are cut anywhere."""
    trivet = Trivet(lab)
    scene = Scene(trivet)
    scene.double.watch_seconds_max, scene.double.chunk_bytes, scene.double.bookmark_seconds = 1, 7, 0.3
    with scene:
        lists = scene.double.count("list")
        for number in range(5):
            scene.create(f"s{number}")
            scene.wait_shown(f"s{number}")
            watches = scene.double.count("watch", "services")
            wait_for("the next watch", lambda watches=watches: scene.double.count("watch", "services") > watches,
                     timeout=PATIENCE)
        assert scene.double.count("list") == lists, "a watch that ends is no reason for a list"


def test_an_answer_that_never_comes(lab):
    with Scene(Trivet(lab)) as scene:
        fault = scene.double.arm(Hold(verb="patch", resource="services"))
        scene.create("web")
        assert fault.wait(PATIENCE)
        scene.create("other")
        scene.wait_shown("other")  # one call that hangs does not stop the rest
        scene.wait_shown("web")


@contextlib.contextmanager
def explained(what):
    try:
        yield
    except AssertionError as why:
        raise AssertionError(f"{what}: {why}") from why


harness.main(globals())
