#pragma once
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "daemon/transport.hpp"

namespace trivet::daemon::test {

/// Keeps what is logged, for tests that ask what a person is told.
class MemoryLog final : public Log {
public:
    void set_level(LogLevel) override {}
    void write(LogLevel, std::string_view message, const LogFields& fields) override {
        std::string line(message);
        for (const auto& [key, value] : fields) line += " " + std::string(key) + "=" + value;
        lines.push_back(std::move(line));
    }
    bool has(std::string_view part) const;
    std::vector<std::string> lines;
};

/// A certificate authority in a directory of its own, and nodes with its certificates.
class Authority {
public:
    Authority();
    ~Authority();
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    /// The files of one node, signed by this authority.
    Pki issue(const std::string& node);

private:
    std::filesystem::path directory_;
    Pki root_;
};

/// One end: a Transport on loopback, and what it was told.
class End {
public:
    struct Identity {
        std::uint64_t id = 1;
        std::string node = "n1";
        std::string cluster_id = "c1";
    };

    End(boost::asio::io_context& io, Pki pki, Identity identity);

    /// What the others are told of it.
    raft::Member as_member() const;
    raft::RaftId id() const { return raft::RaftId(identity.id); }

    Identity identity;
    MemoryLog log;
    Pki pki;
    std::uint16_t port = 0;
    std::function<Result<void>(raft::RaftId, const raft::BootHistory&)> check;
    std::deque<std::pair<raft::RaftId, Frame>> frames;
    std::vector<std::pair<raft::RaftId, bool>> links;
    std::map<raft::RaftId, raft::Member> introduced;
    std::map<std::pair<raft::RaftId, LeaseKeyUse>, std::vector<LeaseKey>> lease_keys;
    std::unique_ptr<Transport> transport;
};

class TransportTest : public testing::Test {
protected:
    /// Turns the loop until it holds. False: ten seconds passed.
    bool run_until(const std::function<bool()>& condition);

    Authority authority;
    boost::asio::io_context io;
};

}  // namespace trivet::daemon::test
