#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/ip_address.hpp"
#include "core/port.hpp"

namespace trivet {

class FieldReader;

/// Where traffic of one port of a VIP can go, when the appliance forwards it (design section 1). A
/// value.
struct Backend {
    enum class Kind : std::uint8_t {
        server,     // it answers by itself: a pod, a machine
        node_port,  // a Kubernetes node that passes the traffic on to a server
    };

    Kind kind = Kind::server;
    Port port;  // of the VIP
    IpAddress address;
    std::uint16_t target_port = 0;  // where it listens
    std::string node;               // the node of Trivet that it is on; empty: on none, or not told

    friend auto operator<=>(const Backend&, const Backend&) = default;
};

std::string_view to_string(Backend::Kind kind);

/// The field `backends`; a target_port that is not given is the port.
void read_backends(FieldReader& reader, std::vector<Backend>& out);
nlohmann::json to_json(const std::vector<Backend>& backends);

/// `ports`: of the VIP; empty: all. Errors: invalid_argument, with field.
Result<void> check_backends(const std::vector<Backend>& backends, const std::vector<Port>& ports);

}  // namespace trivet
