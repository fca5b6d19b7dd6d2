#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "core/objects.hpp"
#include "core/result.hpp"
#include "daemon/log.hpp"

namespace trivet::daemon {

/// lbd.yaml: facts about this machine only (docs/reference/lbd-yaml.md). A value type.
struct Config {
    std::string node;  // default: the host name
    std::filesystem::path data_dir = "/var/lib/lbd";
    std::filesystem::path socket = "/run/lbd/lbd.sock";
    boost::asio::ip::tcp::endpoint api_listen{boost::asio::ip::address_v4::any(), 7480};
    boost::asio::ip::tcp::endpoint cluster_listen{boost::asio::ip::address_v4::any(), 7481};
    std::vector<std::string> l2_interfaces;  // empty: every suitable one
    std::uint16_t bgp_port = 179;            // listened on while there are bgp-peers
    Labels labels;
    std::uint32_t weight = NodeFacts::default_weight;  // its share of the VIPs
    bool witness = false;                              // it votes, and carries no traffic
    LogLevel log_level = LogLevel::info;

    bool operator==(const Config&) const = default;
};

/// Reads the text of lbd.yaml; `file` names it in messages.
/// Errors: invalid_argument, as "lbd.yaml:3:1: unknown key 'clutser'; did you mean 'cluster'?", one
/// a line.
Result<Config> parse_config(std::string_view text, std::string_view file);

/// parse_config of a file. Errors: also not_found, with what to do about it.
Result<Config> load_config(const std::filesystem::path& path);

/// "10.0.0.1:7480", "[::1]:7480". Errors: invalid_argument.
Result<boost::asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);

}  // namespace trivet::daemon
