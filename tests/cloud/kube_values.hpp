#pragma once
#include <stdexcept>
#include <string>

#include "cloud/kube_node.hpp"
#include "cloud/kube_service.hpp"
#include "cloud/kube_slice.hpp"
#include "tests/core/test_objects.hpp"

/// Short ways to build Kubernetes objects in tests, through the JSON that an API server sends.
namespace trivet::cloud::test {

using trivet::test::address;
using trivet::test::json_of;

template <class T>
T must(Result<T> read) {
    if (!read) throw std::runtime_error(read.error().field + ": " + read.error().message);
    return std::move(*read);
}

/// "shop/NAME" of type LoadBalancer with port 80/tcp; `patch` is merged into it (RFC 7386).
inline nlohmann::json service_json(const std::string& name, const std::string& patch = "{}") {
    nlohmann::json object = json_of(R"({
        "metadata": {"namespace": "shop", "resourceVersion": "1"},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "http", "protocol": "TCP", "port": 80,
                 "targetPort": 8080, "nodePort": 30080}],
                 "clusterIP": "10.0.0.7", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        "status": {"loadBalancer": {}}})");
    object["metadata"]["name"] = name;
    object["metadata"]["uid"] = "uid-of-" + name;
    object.merge_patch(json_of(patch));
    return object;
}

inline Service service(const std::string& name, const std::string& patch = "{}") {
    return must(read_service(service_json(name, patch)));
}

inline Service annotated(const std::string& annotations, const std::string& spec = "{}") {
    return service(
        "web", R"({"metadata": {"annotations": )" + annotations + R"(}, "spec": )" + spec + "}");
}

inline KubeNode kube_node(const std::string& name, const std::string& ip,
                          const std::string& labels = "{}") {
    return must(read_kube_node(
        json_of(R"({"metadata": {"name": ")" + name + R"(", "resourceVersion": "1", "labels": )" +
                labels + R"(}, "status": {"addresses": [{"type": "InternalIP", "address": ")" + ip +
                R"("}], "conditions": [{"type": "Ready", "status": "True"}]}})")));
}

/// Of Service shop/web; `endpoints` is a JSON list.
inline EndpointSlice slice(const std::string& name, const std::string& endpoints) {
    return must(read_endpoint_slice(json_of(R"({"metadata": {"name": ")" + name +
                                            R"(", "namespace": "shop", "resourceVersion": "1",
            "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": 8080}], "endpoints": )" +
                                            endpoints + "}")));
}

}  // namespace trivet::cloud::test
