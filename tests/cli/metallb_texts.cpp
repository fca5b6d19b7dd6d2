#include "tests/cli/metallb_texts.hpp"

namespace trivet::cli {

using nlohmann::json;

std::string indented(const std::string& text, const std::string& indent) {
    std::string result = indent;
    for (const char c : text) {
        result += c;
        if (c == '\n') result += indent;
    }
    return result;
}

std::string config_map(const std::string& config) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n  config: |\n" +
           indented(config, "    ") + "\n";
}

std::string resource(const std::string& kind, const std::string& spec, const std::string& version) {
    return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: x}\nspec:\n" +
           indented(spec, "  ") + "\n";
}

std::string service(const std::string& spec, const std::string& metadata) {
    return "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n" + metadata +
           "spec:\n  type: LoadBalancer\n" + indented(spec, "  ") + "\n";
}

std::string pool_config(const std::string& fields) {
    return config_map(
        "address-pools:\n- name: x\n  protocol: layer2\n  addresses: [10.0.0.0/24]\n" +
        indented(fields, "  "));
}

std::string peer_config(const std::string& fields) {
    return config_map("peers:\n- peer-address: 10.0.0.1\n  peer-asn: 1\n  my-asn: 2\n" +
                      indented(fields, "  "));
}

std::string peer(const std::string& fields, const std::string& version) {
    return resource("BGPPeer", "peerAddress: 10.0.0.1\npeerASN: 1\nmyASN: 2\n" + fields, version);
}

json selector(const json& labels, const json& expressions) {
    return json::array({{{"match_labels", labels}, {"match_expressions", expressions}}});
}

json in_expression(const char* key, const char* op, const json& values) {
    return json::array({{{"key", key}, {"operator", op}, {"values", values}}});
}

}  // namespace trivet::cli
