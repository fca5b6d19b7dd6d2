#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/model/rest_client.hpp"
#include "cloud/service_vip.hpp"
#include "core/logfmt.hpp"

namespace trivet::cloud {

/// The command line of lb-cloud-controller, checked. A value.
struct ShimOptions {
    CloudOptions cloud;
    std::string kubeconfig;  // empty: the pod's service account
    std::string context;
    std::vector<model::Server> servers;  // Trivet's; tokens are in token_file
    std::string token_file;
    bool leader_elect = true;
    std::string lease_namespace = "kube-system";
    std::string lease_name;
    std::string identity;
    std::string listen_host = "127.0.0.1";
    std::uint16_t listen_port = 7482;
    std::chrono::seconds grace{300};
    bool allow_mass_release = false;
    std::size_t workers = 8;
    LogLevel log_level = LogLevel::info;
};

/// `help` is set when only that (or the version) was asked for. `identity` is drawn when it is not
/// given. Errors: invalid_argument, naming the option.
Result<ShimOptions> parse_options(const std::vector<std::string>& arguments, std::string& help);

}  // namespace trivet::cloud
