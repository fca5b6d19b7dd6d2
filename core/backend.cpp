#include "core/backend.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "core/check_parts.hpp"
#include "core/field_reader.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::array kind_words = {std::pair{"server", Backend::Kind::server},
                                   std::pair{"node_port", Backend::Kind::node_port}};

Result<Backend> read_backend(const json& item, const std::string& path) {
    Backend backend;
    FieldReader reader(item, "backend", path);
    reader.choice("kind", backend.kind, kind_words);
    read_port_fields(reader, backend.port);
    reader.require("address");
    std::string address;
    reader.text("address", address);
    backend.target_port = backend.port.port;
    reader.integer("target_port", backend.target_port, std::uint16_t{1}, std::uint16_t{65535});
    reader.text("node", backend.node);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    auto parsed = IpAddress::parse(address);
    if (!parsed) {
        parsed.error().field = reader.path_of("address");
        return fail(parsed.error());
    }
    backend.address = *parsed;
    return backend;
}

Result<void> check_backend(const Backend& backend, const std::vector<Port>& ports,
                           const std::string& field) {
    if (auto checked =
            check_usable({backend.address, backend.address}, "a backend", field + ".address");
        !checked)
        return checked;
    if (!ports.empty() && std::ranges::find(ports, backend.port) == ports.end())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the backend is for port {}/{}, which is not among the VIP's ports",
                                backend.port.port, to_string(backend.port.protocol)),
                    field + ".port");
    if (backend.node.empty()) return {};
    return at(check_name("node name", backend.node), field + ".node");
}

}  // namespace

std::string_view to_string(Backend::Kind kind) {
    for (const auto& [word, known] : kind_words)
        if (known == kind) return word;
    return kind_words.front().first;
}

void read_backends(FieldReader& reader, std::vector<Backend>& out) {
    reader.list("backends", [&out](const json& item, const std::string& path) -> Result<void> {
        auto backend = read_backend(item, path);
        if (!backend) return fail(backend.error());
        out.push_back(std::move(*backend));
        return {};
    });
}

json to_json(const std::vector<Backend>& backends) {
    json list = json::array();
    for (const Backend& backend : backends)
        list.push_back({{"kind", to_string(backend.kind)},
                        {"port", backend.port.port},
                        {"protocol", to_string(backend.port.protocol)},
                        {"address", backend.address.to_string()},
                        {"target_port", backend.target_port},
                        {"node", backend.node}});
    return list;
}

Result<void> check_backends(const std::vector<Backend>& backends, const std::vector<Port>& ports) {
    if (auto checked = check_length(backends, "backends", list_max); !checked) return checked;
    std::set<Backend> seen;
    for (std::size_t i = 0; i < backends.size(); ++i) {
        const std::string field = fmt::format("backends[{}]", i);
        if (auto checked = check_backend(backends[i], ports, field); !checked) return checked;
        if (!seen.insert(backends[i]).second)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("backend {} is listed twice", backends[i].address.to_string()),
                        field);
    }
    return {};
}

}  // namespace trivet
