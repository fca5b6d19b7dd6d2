"""The API server that the tests of the Kubernetes shim run against does what they rely on; no shim here."""
import json
import time

import harness
from harness import wait_for
from kube_api import MERGE_PATCH, KubeApi
from kube_cluster import ADDRESS, API_PORT, DEPLOYED, NODE_PORTS, KubeCluster

SERVICES = "/api/v1/namespaces/default/services"
START_SECONDS_MAX = 60  # it takes about five; this machine may be busy


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {
        "type": "LoadBalancer", "selector": {"app": name}, "ports": [{"name": "http", "port": 80}], **spec}}


def version_of(kube, path=SERVICES):
    return kube.administrator.ask("GET", path)["metadata"]["resourceVersion"]


def test_starts_in_seconds_and_serves_what_the_shim_needs(lab):
    begin = time.monotonic()
    with KubeCluster(lab) as kube:
        seconds = time.monotonic() - begin
        print(f"ready after {seconds:.1f} s")
        assert seconds < START_SECONDS_MAX, seconds
        version = json.loads(kube.kubectl("version", "-o", "json").stdout)["serverVersion"]
        assert version["gitVersion"] == "v1.20.2", version
        assert kube.slice_version() == "v1beta1"
        assert kube.api("GET", "/apis/coordination.k8s.io/v1/leases").status == 200
        etcd, apiserver = kube.etcd, kube.apiserver
    assert etcd.poll() is not None and apiserver.poll() is not None, "a process outlived its cluster"


def test_a_load_balancer_service_gets_a_node_port_and_a_cluster_address(lab):
    with KubeCluster(lab) as kube:
        kube.kubectl("apply", "-f", "-", input=json.dumps(service("web")))
        made = json.loads(kube.kubectl("get", "service", "web", "-o", "json").stdout)
        assert made["spec"]["clusterIP"].startswith("10.96."), made
        assert made["spec"]["ports"][0]["nodePort"] in NODE_PORTS, made
        assert "<pending>" in kube.kubectl("get", "service", "web").stdout
        # What only a cloud's controller writes:
        kube.patch(f"{SERVICES}/web/status", {"status": {"loadBalancer": {"ingress": [{"ip": "10.88.0.1"}]}}})
        assert "10.88.0.1" in kube.kubectl("get", "service", "web").stdout


def test_dual_stack_services(lab):
    with KubeCluster(lab) as kube:
        for policy, families in (("PreferDualStack", ["IPv4", "IPv6"]), ("RequireDualStack", ["IPv4", "IPv6"]),
                                 ("SingleStack", ["IPv4"])):
            made = kube.administrator.ask("POST", SERVICES, service(policy.lower(), ipFamilyPolicy=policy))
            assert made["spec"]["ipFamilies"] == families, made["spec"]
            assert len(made["spec"]["clusterIPs"]) == len(families), made["spec"]
        upgraded = kube.patch(f"{SERVICES}/singlestack", {"spec": {"ipFamilyPolicy": "RequireDualStack"}})
        assert upgraded["spec"]["ipFamilies"] == ["IPv4", "IPv6"], upgraded["spec"]


def test_nodes_and_slices_are_kept_as_they_are_written(lab):
    with KubeCluster(lab) as kube:
        kube.create_node("worker-1", "10.77.0.1", "fd77::1", labels={"zone": "a"})
        node = kube.label_node("worker-1", **{"node.kubernetes.io/exclude-from-external-load-balancers": ""})
        assert node["metadata"]["labels"]["zone"] == "a", node
        assert [each["address"] for each in node["status"]["addresses"]] == ["worker-1", "10.77.0.1", "fd77::1"], node
        for ready in (True, False):  # created, then replaced
            kube.put_endpoints("default", "web", [("10.1.0.1", "worker-1", ready), ("fd01::1", "worker-1", ready)])
        slices = kube.administrator.ask("GET", "/apis/discovery.k8s.io/v1beta1/endpointslices")["items"]
        assert {each["addressType"] for each in slices} == {"IPv4", "IPv6"}, slices
        for each in slices:
            assert each["endpoints"][0]["topology"] == {"kubernetes.io/hostname": "worker-1"}, each
            assert each["endpoints"][0]["conditions"]["ready"] is False, each


def test_a_restart_ends_a_watch_and_keeps_the_objects(lab):
    with KubeCluster(lab) as kube:
        since = version_of(kube)
        with kube.administrator.watch(SERVICES, resourceVersion=since) as watch:
            kube.administrator.ask("POST", SERVICES, service("web"))
            told = watch.until("web", lambda event: event["type"] == "ADDED")
            assert told["object"]["metadata"]["name"] == "web", told
            kube.restart_apiserver()
            assert watch.line() is None, "the watch outlived its server"
        assert kube.api("GET", f"{SERVICES}/web").status == 200


def test_a_paused_server_answers_once_it_goes_on(lab):
    with KubeCluster(lab) as kube:
        kube.pause()
        try:
            kube.administrator.call("GET", "/livez", timeout=1)
            raise AssertionError("a stopped process answered")
        except TimeoutError:
            pass
        kube.resume()
        wait_for("the API server to go on", kube.ready)


def test_compaction_ends_old_watches_and_old_lists_with_410(lab):
    with KubeCluster(lab) as kube:
        old = version_of(kube)
        for number in range(3):
            kube.administrator.ask("POST", SERVICES, service(f"web-{number}"))
        page = kube.administrator.ask("GET", f"{SERVICES}?limit=1")
        token = page["metadata"]["continue"]
        kube.administrator.ask("DELETE", f"{SERVICES}/web-2")
        kube.compact_etcd()
        kube.restart_apiserver()  # its cache of changes, which would still know
        with kube.administrator.watch(SERVICES, resourceVersion=old) as watch:  # the form within a stream
            assert watch.status == 200, watch.refusal
            event = watch.line()
            assert event["type"] == "ERROR" and event["object"]["code"] == 410, event
            assert event["object"]["reason"] == "Expired", event
            assert watch.line() is None
        expired = kube.api("GET", f"{SERVICES}?limit=1&continue={token}")  # the form of a status
        assert expired.status == 410 and expired.body["reason"] == "Expired", expired


def test_what_is_delivered_is_taken_and_binds_the_shim(lab):
    with KubeCluster(lab) as kube:
        kube.kubectl("apply", "-k", str(DEPLOYED))
        account = kube.grant_shim()
        kube.kubectl("apply", "-k", str(DEPLOYED))
        shim = KubeApi(kube.host.netns, ADDRESS, API_PORT, kube.pki.ca_certificate, token=kube.account_token(*account))
        assert shim.call("GET", "/api/v1/services").status == 200
        assert shim.call("GET", "/api/v1/secrets").status == 403
        assert shim.call("DELETE", f"{SERVICES}/kubernetes").status == 403
        assert shim.call("PATCH", f"{SERVICES}/kubernetes", {"metadata": {"labels": {"seen": "yes"}}},
                         MERGE_PATCH).status == 200
        assert any(option.startswith("--lease-namespace=") for option in kube.lease_options())


def test_two_clusters_beside_each_other_and_a_user_without_rights(lab):
    with KubeCluster(lab, "one") as one, KubeCluster(lab, "two") as two:
        one.create_namespace("only-here")
        assert two.api("GET", "/api/v1/namespaces/only-here").status == 404
        one.administrator.ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "guest"}})
        guest = KubeApi(one.host.netns, ADDRESS, API_PORT, one.pki.ca_certificate,
                        token=one.account_token("default", "guest"))
        assert guest.call("GET", "/api/v1/services").status == 403
        asked = one.requests_of("system:serviceaccount:default:guest")
        assert [(each["verb"], each["responseStatus"]["code"]) for each in asked] == [("list", 403)], asked


harness.main(globals())
