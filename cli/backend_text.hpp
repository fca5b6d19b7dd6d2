#pragma once
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/result.hpp"

namespace trivet::cli {

/// A VIP's backend as people write it on a command line: "PORT[/PROTOCOL]=ADDRESS[:TARGET][@NODE]",
/// as "80/tcp=10.1.0.1:8080@n2" or "443=[2001:db8::1]:8443". Without a target: the port. It is of
/// kind server; node ports are of the shim. Errors: invalid_argument, with the part that is wrong.
Result<nlohmann::json> backend_from_text(std::string_view text);

/// The same of a backend's JSON, a node port with " (node_port)" behind it.
std::string backend_to_text(const nlohmann::json& backend);

}  // namespace trivet::cli
