#include "tests/daemon/transport_fixture.hpp"

#include <algorithm>
#include <stdlib.h>

#include <boost/asio/ip/tcp.hpp>

#include "daemon/host.hpp"

namespace trivet::daemon::test {

namespace asio = boost::asio;
using asio::ip::tcp;

bool MemoryLog::has(std::string_view part) const {
    return std::ranges::any_of(
        lines, [part](const std::string& line) { return line.find(part) != std::string::npos; });
}

namespace {

std::filesystem::path make_directory() {
    std::string pattern = testing::TempDir() + "transport-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    return pattern;
}

/// A port that is free at this moment.
std::uint16_t free_port(asio::io_context& io) {
    tcp::acceptor probe(io, {asio::ip::address_v4::loopback(), 0});
    return probe.local_endpoint().port();
}

}  // namespace

Authority::Authority() : directory_(make_directory()), root_(directory_ / "root") {
    if (!root_.create_authority("c1", wall_now())) throw std::runtime_error("no authority");
}

Authority::~Authority() { std::filesystem::remove_all(directory_); }

Pki Authority::issue(const std::string& node) {
    const std::filesystem::path files = directory_ / node;
    std::filesystem::remove_all(files);
    std::filesystem::copy(directory_ / "root", files);
    Pki pki(files);
    if (!pki.issue_node_certificate(node, {.dns = {node}, .addresses = {"127.0.0.1"}}, wall_now()))
        throw std::runtime_error("no certificate");
    return pki;
}

End::End(asio::io_context& io, Pki files, Identity who)
    : identity(std::move(who)), pki(std::move(files)), port(free_port(io)) {
    raft::BootHistory boots;
    boots.append(7);
    transport = std::make_unique<Transport>(
        io, log, Transport::Options{.id = id(), .node = identity.node, .boots = std::move(boots)},
        Transport::Callbacks{
            .on_frame = [this](raft::RaftId from,
                               Frame frame) { frames.emplace_back(from, std::move(frame)); },
            .on_link = [this](raft::RaftId peer, bool is_up) { links.emplace_back(peer, is_up); },
            .check_peer = [this](raft::RaftId peer, const std::string&,
                                 const raft::BootHistory& history) -> Result<void> {
                return check ? check(peer, history) : Result<void>{};
            },
            .cluster_id = [this] { return identity.cluster_id; },
            .address = [this] { return as_member().address; },
            .on_introduction = [this](raft::RaftId peer,
                                      const raft::Member& member) { introduced[peer] = member; },
            .on_lease_key = [this](
                                raft::RaftId peer, LeaseKeyUse use,
                                const LeaseKey& key) { lease_keys[{peer, use}].push_back(key); }});
    auto contexts = make_peer_contexts(pki);
    if (!contexts) throw std::runtime_error(contexts.error().message);
    if (auto listening =
            transport->listen({asio::ip::address_v4::loopback(), port}, std::move(*contexts));
        !listening)
        throw std::runtime_error(listening.error().message);
}

raft::Member End::as_member() const {
    return {.role = raft::MemberRole::voter,
            .name = identity.node,
            .address = "127.0.0.1:" + std::to_string(port)};
}

bool TransportTest::run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{10});
    }
    return true;
}

}  // namespace trivet::daemon::test
