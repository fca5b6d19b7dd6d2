"""The double of an API server does what Kubernetes' documents say: what is tested against it can be believed."""
import http.client
import json
import pathlib
import ssl
import sys
import tempfile
import threading
import time
import unittest

from kube_double import (TOKEN, CutAfter, CutBefore, EmptyList, Garbage, Hold, KubeDouble, Refusal, Refuse, WatchEnd,
                         WatchError, WatchGarbage)

SERVICES = "/api/v1/namespaces/default/services"
MERGE_PATCH = "application/merge-patch+json"
TIMEOUT = 10
CLEANUP = "service.kubernetes.io/load-balancer-cleanup"


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}}


class Client:
    def __init__(self, double, token=TOKEN):
        self.double, self.token = double, token

    def connection(self):
        if not self.double.tls:
            return http.client.HTTPConnection(*self.double.address, timeout=TIMEOUT)
        context = ssl.create_default_context(cafile=self.double.directory / "double.crt")
        return http.client.HTTPSConnection(*self.double.address, timeout=TIMEOUT, context=context)

    def send(self, method, path, body=None, content_type="application/json"):
        connection = self.connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": content_type, "Authorization": f"Bearer {self.token}"})
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def call(self, method, path, body=None, content_type="application/json"):
        connection, response = self.send(method, path, body, content_type)
        try:
            text = response.read()
        finally:
            connection.close()
        self.headers = response.headers
        return response.status, json.loads(text) if text[:1] == b"{" else text.decode()

    def patch(self, path, body):
        return self.call("PATCH", path, body, MERGE_PATCH)

    def watch(self, query="", path="/api/v1/services"):
        """(connection, response), whose lines are events."""
        return self.send("GET", f"{path}?watch=1{query}")


class DoubleTest(unittest.TestCase):
    def setUp(self):
        self.double = KubeDouble()
        self.addCleanup(self.double.close)
        self.client = Client(self.double)

    def watch(self, query="", path="/api/v1/services"):
        connection, response = self.client.watch(query, path)
        self.addCleanup(connection.close)
        self.assertEqual(response.status, 200)
        return response

    def wait_for_watches(self, count):
        end = time.monotonic() + TIMEOUT
        while len(self.double.running_watches("services")) != count:
            self.assertLess(time.monotonic(), end, f"not {count} watches")
            time.sleep(0.005)

    @staticmethod
    def event(response):
        line = response.readline()
        return json.loads(line) if line else None


class ObjectTest(DoubleTest):
    def test_a_token_is_needed_but_for_health(self):
        stranger = Client(self.double, "wrong")
        code, body = stranger.call("GET", "/api/v1/services")
        self.assertEqual((code, body["kind"], body["reason"]), (401, "Status", "Unauthorized"))
        self.assertEqual(stranger.call("GET", "/livez"), (200, "ok"))

    def test_discovery_names_the_version_that_is_served(self):
        slices = "/apis/discovery.k8s.io/{}/endpointslices"
        for version, other in (("v1", "v1beta1"), ("v1beta1", "v1")):
            self.double.versions["discovery.k8s.io"] = version
            _, group = self.client.call("GET", "/apis/discovery.k8s.io")
            self.assertEqual([each["version"] for each in group["versions"]], [version])
            self.assertEqual(self.client.call("GET", slices.format(version))[0], 200)
            self.assertEqual(self.client.call("GET", slices.format(other))[0], 404)

    def test_a_service_gets_addresses_node_ports_and_keeps_them(self):
        code, made = self.client.call("POST", SERVICES, service("web", ipFamilyPolicy="PreferDualStack"))
        self.assertEqual(code, 201)
        self.assertEqual(made["spec"]["clusterIPs"], ["10.96.0.1", "fd00:96::1"])
        self.assertEqual(made["spec"]["ports"][0]["nodePort"], 30000)
        self.assertEqual(made["status"], {"loadBalancer": {}})
        code, replaced = self.client.call("PUT", f"{SERVICES}/web", service("web", ports=[{"port": 81}]))
        self.assertEqual((code, replaced["spec"]["clusterIP"]), (200, "10.96.0.1"))
        self.assertEqual(self.client.call("POST", SERVICES, service("web"))[1]["reason"], "AlreadyExists")
        for body in (service("a", ports=[]), service("a", ports=[{"port": 0}]), service("a", type="ClusterIP",
                     loadBalancerClass="x/y")):
            code, refused = self.client.call("POST", SERVICES, body)
            self.assertEqual((code, refused["reason"]), (422, "Invalid"), body)

    def test_dual_stack_is_up_and_downgraded(self):
        self.double.create("services", service("web"))
        for policy, count in (("RequireDualStack", 2), ("SingleStack", 1), ("PreferDualStack", 2)):
            _, made = self.client.patch(f"{SERVICES}/web", {"spec": {"ipFamilyPolicy": policy}})
            self.assertEqual(len(made["spec"]["clusterIPs"]), count, policy)
            self.assertEqual(len(made["spec"]["ipFamilies"]), count, policy)
        with KubeDouble(families=["IPv4"]) as single:
            self.assertRaises(Refusal, single.create, "services", service("a", ipFamilyPolicy="RequireDualStack"))
            made = single.create("services", service("b", ipFamilyPolicy="PreferDualStack"))
            self.assertEqual(made["spec"]["ipFamilies"], ["IPv4"])

    def test_the_class_stays_while_the_type_does(self):
        self.double.create("services", service("web", loadBalancerClass="a/b"))
        for value in ("c/d", None):
            code, _ = self.client.patch(f"{SERVICES}/web", {"spec": {"loadBalancerClass": value}})
            self.assertEqual(code, 422, value)
        code, made = self.client.patch(f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}})
        self.assertEqual(code, 200)
        self.assertNotIn("loadBalancerClass", made["spec"])
        self.assertNotIn("nodePort", made["spec"]["ports"][0])
        code, _ = self.client.patch(f"{SERVICES}/web", {"spec": {"type": "LoadBalancer", "loadBalancerClass": "c/d"}})
        self.assertEqual(code, 200)

    def test_status_is_apart_from_the_spec(self):
        self.double.create("services", service("web"))
        body = {"spec": {"ports": [{"port": 1}]}, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        _, made = self.client.patch(f"{SERVICES}/web/status", body)
        self.assertEqual(made["status"]["loadBalancer"]["ingress"], [{"ip": "192.0.2.1", "ipMode": "VIP"}])
        self.assertEqual(made["spec"]["ports"][0]["port"], 80)
        _, made = self.client.patch(f"{SERVICES}/web", {"status": None, "metadata": {"labels": {"a": "b"}}})
        self.assertEqual(made["status"]["loadBalancer"]["ingress"][0]["ip"], "192.0.2.1")
        code, _ = self.client.patch(f"{SERVICES}/web/status", {"status": {"loadBalancer": {"ingress": [{"ip": "?"}]}}})
        self.assertEqual(code, 422)
        self.double.patch("services", "web", {"spec": {"type": "ClusterIP"}})
        code, _ = self.client.patch(f"{SERVICES}/web/status", {"status": {"loadBalancer": {"ingress": [
            {"ip": "192.0.2.2", "ipMode": "VIP"}]}}})
        self.assertEqual(code, 422)

    def test_conflicts_and_changes_that_change_nothing(self):
        old = self.double.create("services", service("web"))["metadata"]["resourceVersion"]
        _, new = self.client.patch(f"{SERVICES}/web", {"metadata": {"labels": {"a": "b"}}})
        code, refused = self.client.patch(f"{SERVICES}/web", {"metadata": {"resourceVersion": old, "labels": {}}})
        self.assertEqual((code, refused["reason"]), (409, "Conflict"))
        _, same = self.client.patch(f"{SERVICES}/web", {"metadata": {"labels": {"a": "b", "c": None}}})
        self.assertEqual(same["metadata"]["resourceVersion"], new["metadata"]["resourceVersion"])
        self.assertEqual(self.client.patch(f"{SERVICES}/none", {})[0], 404)
        self.assertEqual(self.client.call("PATCH", f"{SERVICES}/web", {})[0], 415)
        self.assertEqual(self.client.call("POST", SERVICES)[0], 400)

    def test_finalizers_delay_a_deletion(self):
        body = service("web")
        body["metadata"]["finalizers"] = [CLEANUP]
        self.double.create("services", body)
        code, waiting = self.client.call("DELETE", f"{SERVICES}/web")
        self.assertEqual(code, 200)
        self.assertIn("deletionTimestamp", waiting["metadata"])
        code, _ = self.client.patch(f"{SERVICES}/web", {"metadata": {"finalizers": [CLEANUP, "a/b"]}})
        self.assertEqual(code, 422)
        self.assertEqual(self.client.patch(f"{SERVICES}/web", {"metadata": {"finalizers": None}})[0], 200)
        self.assertEqual(self.client.call("GET", f"{SERVICES}/web")[0], 404)
        self.assertEqual(self.double.create("services", service("next"))["spec"]["clusterIP"], "10.96.0.1")

    def test_leases_and_events_are_checked(self):
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
        lease = {"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00Z"}}
        self.assertEqual(self.client.call("POST", leases, lease)[0], 400)
        lease["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
        self.assertEqual(self.client.call("POST", leases, lease)[0], 201)
        event = {"metadata": {"name": "e"}, "involvedObject": {"namespace": "other"}}
        self.assertEqual(self.client.call("POST", "/api/v1/namespaces/default/events", event)[0], 422)

    def test_tls(self):
        with tempfile.TemporaryDirectory() as directory, KubeDouble(directory) as double:
            self.assertTrue(double.url.startswith("https://"))
            self.assertEqual(Client(double).call("GET", "/api/v1/nodes")[0], 200)
            config = json.loads(pathlib.Path(double.write_kubeconfig(f"{directory}/config")).read_text())
            self.assertEqual(config["clusters"][0]["cluster"]["server"], double.url)


class ListAndWatchTest(DoubleTest):
    def test_a_list_in_pages_is_of_one_version(self):
        for name in "abcde":
            self.double.create("services", service(name))
        path, names, versions = f"{SERVICES}?limit=2", [], set()
        code, page = self.client.call("GET", path)
        self.double.delete("services", "d")
        while True:
            names += [each["metadata"]["name"] for each in page["items"]]
            versions.add(page["metadata"]["resourceVersion"])
            token = page["metadata"].get("continue")
            if not token:
                break
            code, page = self.client.call("GET", f"{path}&continue={token}")
            self.assertEqual(code, 200)
        self.assertEqual((names, len(versions)), (list("abcde"), 1))

    def test_a_continue_token_expires_with_a_compaction(self):
        for name in "ab":
            self.double.create("services", service(name))
        token = self.client.call("GET", f"{SERVICES}?limit=1")[1]["metadata"]["continue"]
        self.double.compact()
        code, refused = self.client.call("GET", f"{SERVICES}?limit=1&continue={token}")
        self.assertEqual((code, refused["reason"]), (410, "Expired"))
        again = refused["metadata"]["continue"]  # the rest, as it is now
        _, page = self.client.call("GET", f"{SERVICES}?continue={again}")
        self.assertEqual([each["metadata"]["name"] for each in page["items"]], ["b"])

    def test_a_watch_goes_on_where_a_list_ended(self):
        version = self.client.call("GET", "/api/v1/services")[1]["metadata"]["resourceVersion"]
        self.double.create("services", service("web"))
        response = self.watch(f"&resourceVersion={version}")
        self.assertEqual(self.event(response)["type"], "ADDED")
        self.double.create("nodes", {"metadata": {"name": "n1"}})
        self.double.patch("services", "web", {"metadata": {"labels": {"a": "b"}}})
        changed = self.event(response)
        self.assertEqual((changed["type"], changed["object"]["metadata"]["labels"]), ("MODIFIED", {"a": "b"}))
        self.double.delete("services", "web")
        gone = self.event(response)
        self.assertEqual(gone["type"], "DELETED")
        self.assertGreater(int(gone["object"]["metadata"]["resourceVersion"]),
                           int(changed["object"]["metadata"]["resourceVersion"]))

    def test_initial_events_end_with_a_bookmark(self):
        self.double.create("services", service("web"))
        code, _ = self.client.call("GET", "/api/v1/services?watch=1&sendInitialEvents=true")
        self.assertEqual(code, 422)
        response = self.watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        self.assertEqual(self.event(response)["type"], "ADDED")
        mark = self.event(response)
        self.assertEqual((mark["type"], mark["object"]["metadata"]["annotations"]),
                         ("BOOKMARK", {"k8s.io/initial-events-end": "true"}))

    def test_bookmarks_and_the_end_of_the_time(self):
        self.double.bookmark_seconds = 0.01
        version = self.double.create("nodes", {"metadata": {"name": "n1"}})["metadata"]["resourceVersion"]
        response = self.watch(f"&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1")
        events = [json.loads(line) for line in response]  # to the end, which is a proper one
        self.assertTrue(events)
        self.assertEqual({each["type"] for each in events}, {"BOOKMARK"})
        self.assertEqual(events[0]["object"]["metadata"]["resourceVersion"], version)

    def test_both_forms_of_410(self):
        version = self.client.call("GET", "/api/v1/services")[1]["metadata"]["resourceVersion"]
        running = self.watch(f"&resourceVersion={version}")
        self.double.compact()
        event = self.event(self.watch(f"&resourceVersion={version}"))
        self.assertEqual((event["type"], event["object"]["code"], event["object"]["reason"]), ("ERROR", 410, "Expired"))
        self.double.expired_as_status = True
        self.assertEqual(self.client.call("GET", f"/api/v1/services?watch=1&resourceVersion={version}")[0], 410)
        self.double.create("services", service("web"))
        self.assertEqual(self.event(running)["type"], "ADDED")

    def test_a_version_that_is_not_there_yet(self):
        code, refused = self.client.call("GET", "/api/v1/services?resourceVersion=999999")
        self.assertEqual((code, refused["details"]["causes"][0]["reason"]), (504, "ResourceVersionTooLarge"))

    def test_events_in_pieces(self):
        self.double.chunk_bytes = 3
        self.double.create("services", service("web"))
        self.assertEqual(self.event(self.watch())["object"]["metadata"]["name"], "web")


class FaultTest(DoubleTest):
    def test_one_request_is_refused(self):
        self.double.arm(Refuse(429, retry_after=7, verb="create", resource="services", skip=1))
        codes = [self.client.call("POST", SERVICES, service(name))[0] for name in "abc"]
        self.assertEqual(codes, [201, 429, 201])
        self.assertEqual([each["metadata"]["name"] for each in self.double.list("services")], ["a", "c"])
        self.double.arm(Refuse(429, retry_after=7))
        self.client.call("GET", SERVICES)
        self.assertEqual(self.client.headers["Retry-After"], "7")

    def test_connections_that_are_cut(self):
        for fault, there in ((CutBefore(verb="create"), False), (CutAfter(verb="create"), True),
                             (CutAfter(portion=0, verb="create", name="none"), True)):
            self.double.arm(fault)
            name = f"s{len(self.double.log)}"
            fault.name = None
            self.assertRaises((OSError, http.client.HTTPException), self.client.call, "POST", SERVICES, service(name))
            self.assertEqual(self.double.get("services", name) is not None, there)

    def test_garbage_and_an_empty_list(self):
        self.double.create("services", service("web"))
        self.double.arm(Garbage())
        self.assertRaises((OSError, http.client.HTTPException), self.client.call, "GET", SERVICES)
        self.double.arm(Garbage(body=b"<html>"))
        self.assertEqual(self.client.call("GET", SERVICES), (200, "<html>"))
        self.double.arm(EmptyList("services"))
        counts = [len(self.client.call("GET", SERVICES)[1]["items"]) for _ in range(2)]
        self.assertEqual(counts, [0, 1])

    def test_a_held_request_before_and_after_its_effect(self):
        for after in (False, True):
            for release in (False, True):
                name = f"s{int(after)}{int(release)}"
                hold = self.double.arm(Hold(after=after, verb="create"))
                answers = []

                def call(name=name, answers=answers):
                    try:
                        answers.append(self.client.call("POST", SERVICES, service(name))[0])
                    except (OSError, http.client.HTTPException):
                        answers.append(None)

                caller = threading.Thread(target=call)
                caller.start()
                self.assertTrue(hold.wait(TIMEOUT))
                self.assertEqual(self.double.get("services", name) is not None, after)
                (hold.release if release else hold.drop)()
                caller.join(TIMEOUT)
                self.assertEqual(answers, [201 if release else None])
                self.assertEqual(self.double.get("services", name) is not None, after or release)

    def test_watches_that_end_expire_or_send_garbage(self):
        version = self.client.call("GET", "/api/v1/services")[1]["metadata"]["resourceVersion"]
        query = f"&resourceVersion={version}"
        self.double.arm(WatchEnd())
        self.assertIsNone(self.event(self.watch(query)))
        self.double.arm(WatchEnd(events=1))
        response = self.watch(query)
        for name in "ab":
            self.double.create("services", service(name))
        self.assertEqual(self.event(response)["object"]["metadata"]["name"], "a")
        self.assertIsNone(self.event(response))
        self.double.arm(WatchError())
        response = self.watch(query)
        self.assertEqual(self.event(response)["object"]["code"], 410)
        self.assertIsNone(self.event(response))
        self.double.arm(WatchGarbage())
        self.assertRaises(ValueError, self.event, self.watch(query))

    def test_commands_to_watches_that_run(self):
        version = self.double.store.version
        for command, wanted in ((self.double.send_bookmarks, "BOOKMARK"), (self.double.expire_watches, "ERROR"),
                                (self.double.end_watches, None)):
            response = self.watch(f"&resourceVersion={version}&allowWatchBookmarks=true")
            self.double.create("nodes", {"metadata": {"name": str(wanted).lower()}})
            self.wait_for_watches(1)
            self.assertEqual(command("services"), 1)
            event = self.event(response)
            self.assertEqual(event and event["type"], wanted)
            self.double.end_watches()
            self.assertIsNone(self.event(response))
            self.wait_for_watches(0)

    def test_a_restart_drops_connections_and_keeps_objects(self):
        self.double.create("services", service("web"))
        version, address = self.double.store.version, self.double.address
        response = self.watch(f"&resourceVersion={version}")
        self.double.restart()
        try:
            self.assertIsNone(self.event(response))
        except (OSError, http.client.HTTPException):
            pass  # ended without its last chunk, as by a server that was killed
        self.assertEqual(self.double.address, address)
        self.assertEqual(self.client.call("GET", f"{SERVICES}/web")[0], 200)
        self.double.stop()
        self.assertRaises(OSError, self.client.call, "GET", SERVICES)

    def test_requests_are_counted(self):
        self.client.call("POST", SERVICES, service("web"))
        self.client.patch(f"{SERVICES}/web/status", {})
        self.client.call("GET", SERVICES)
        self.assertEqual(self.double.count("create", "services"), 1)
        self.assertEqual(self.double.count("patch", "services/status"), 1)
        self.assertEqual(self.double.count(), 3)
        self.assertEqual([(each.verb, each.key, each.status) for each in self.double.log],
                         [("create", "default/web", 201), ("patch", "default/web", 200), ("list", "default/", 200)])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-q", *sys.argv[1:]])
