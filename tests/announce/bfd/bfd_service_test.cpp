// The service with real sockets and its real thread, on loopback addresses and ports of its own:
// two of its sessions watch each other.
#include "announce/bfd/bfd_service.hpp"

#include <condition_variable>
#include <mutex>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

/// A UDP port that nobody has at present.
std::uint16_t free_port() {
    const Descriptor descriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    socklen_t size = sizeof address;
    auto* name = static_cast<sockaddr*>(static_cast<void*>(&address));
    EXPECT_EQ(::bind(descriptor.get(), name, size), 0);
    EXPECT_EQ(::getsockname(descriptor.get(), name, &size), 0);
    return ntohs(address.sin6_port);
}

class BfdServiceTest : public testing::Test {
protected:
    struct Event {
        std::string name;
        SessionEvent event;
    };

    void SetUp() override {
        auto started = BfdService::start(
            {.ports = ports}, {.on_state =
                                   [this](const std::string& name, const SessionEvent& event) {
                                       const std::scoped_lock lock(mutex);
                                       events.push_back({name, event});
                                       arrived.notify_all();
                                   },
                               .on_log =
                                   [this](const std::string& level, const std::string& message) {
                                       const std::scoped_lock lock(mutex);
                                       logs.push_back(level + ": " + message);
                                   }});
        ASSERT_TRUE(started) << started.error().message;
        service = std::move(*started);
    }
    void TearDown() override { service.reset(); }

    /// Two ends of one path, on this machine.
    static SessionConfigs both_ends(const std::string& first, const std::string& second,
                                    BfdSettings settings = quick()) {
        return {{"a", {.local = ip(first), .remote = ip(second), .settings = settings}},
                {"b", {.local = ip(second), .remote = ip(first), .settings = settings}}};
    }
    static BfdSettings quick() {
        BfdSettings settings;
        settings.receive_interval = settings.transmit_interval = 50ms;
        settings.detect_multiplier = 20;
        return settings;
    }
    bool wait_for(const std::string& name, bool is_up) {
        std::unique_lock lock(mutex);
        return arrived.wait_for(lock, 20s, [&] {
            const auto last = std::find_if(events.rbegin(), events.rend(),
                                           [&](const Event& event) { return event.name == name; });
            return last != events.rend() && last->event.is_up == is_up;
        });
    }
    Event last_event(const std::string& name) {
        const std::scoped_lock lock(mutex);
        const auto last = std::find_if(events.rbegin(), events.rend(),
                                       [&](const Event& event) { return event.name == name; });
        return last == events.rend() ? Event{} : *last;
    }
    /// Asks again and again, as a person would.
    template <class Condition>
    bool wait_for_status(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (std::chrono::steady_clock::now() < end)
            if (condition(service->status())) return true;
        return false;
    }

    const Ports ports{.control = free_port(), .multihop = free_port(), .echo = free_port()};
    std::mutex mutex;
    std::condition_variable arrived;
    std::vector<Event> events;
    std::vector<std::string> logs;
    std::unique_ptr<BfdService> service;
};

TEST_F(BfdServiceTest, TwoEndsComeUpOnBothFamilies) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", true));
    ASSERT_TRUE(wait_for("b", true));
    const ServiceStatus status = service->status();
    EXPECT_EQ(status.sessions.at("a").session.state, State::up);
    EXPECT_EQ(status.sessions.at("a").session.remote_discriminator,
              status.sessions.at("b").session.local_discriminator);
    EXPECT_EQ(status.sessions.at("a").problem, "");

    // ::1 is its own neighbour: a session with itself would be no proof, but it has packets.
    sessions["six"] = {.local = ip("::1"), .remote = ip("::1"), .settings = quick()};
    ASSERT_TRUE(service->set_sessions(sessions));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        const auto& counters = now.sessions.at("six").session.counters;
        return counters.control_received > 3;
    }));
    EXPECT_EQ(service->status().sessions.at("a").session.counters.down_transitions, 0U);
}

TEST_F(BfdServiceTest, MultihopHasAPortOfItsOwn) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    for (auto& [name, session] : sessions) session.multihop = true;
    ASSERT_TRUE(service->set_sessions(sessions));
    EXPECT_TRUE(wait_for("a", true));
    EXPECT_TRUE(wait_for("b", true));
}

TEST_F(BfdServiceTest, AuthenticatedEndsComeUpAndOthersDoNot) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    for (auto& [name, session] : sessions)
        session.authentication = AuthenticationKey{.key_id = 1, .secret = "one"};
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", true));
    sessions["b"].authentication->secret = "another";
    ASSERT_TRUE(service->set_sessions(sessions));  // another key is another session
    ASSERT_TRUE(wait_for("a", false));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        const auto& discarded = now.sessions.at("a").session.counters.discarded;
        return discarded[static_cast<std::size_t>(Discard::authentication_digest)] > 0 ||
               discarded[static_cast<std::size_t>(Discard::authentication_sequence)] > 0;
    }));
}

TEST_F(BfdServiceTest, OtherSettingsReachThePeerWithoutAnotherSession) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", true) && wait_for("b", true));
    const auto before = service->status().sessions.at("a").session;
    sessions["a"].settings.transmit_interval = 30ms;
    sessions["a"].settings.detect_multiplier = 40;
    ASSERT_TRUE(service->set_sessions(sessions));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        return now.sessions.at("b").session.remote_multiplier == 40 &&
               !now.sessions.at("a").session.is_polling;
    }));
    const auto after = service->status().sessions.at("a").session;
    EXPECT_EQ(after.local_discriminator, before.local_discriminator);
    EXPECT_EQ(after.counters.down_transitions, 0U);
    EXPECT_GT(after.counters.polls, before.counters.polls);
}

TEST_F(BfdServiceTest, EchoesGoOutAndComeBack) {
    BfdSettings settings = quick();
    settings.echo_interval = 20ms;
    ASSERT_TRUE(service->set_sessions(both_ends("127.0.0.1", "127.0.0.2", settings)));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        const auto& a = now.sessions.at("a").session;
        const auto& b = now.sessions.at("b").session;
        return a.echo == EchoPhase::active && b.echo == EchoPhase::active &&
               a.counters.echo_received > 3 && b.counters.echo_returned > 3;
    }));
}

TEST_F(BfdServiceTest, APeerThatIsTakenAwayIsNoFailure) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", true) && wait_for("b", true));
    sessions.erase("b");
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", false));
    EXPECT_EQ(last_event("a").event,
              (SessionEvent{.is_up = false,
                            .diagnostic = Diagnostic::neighbor_signaled_session_down,
                            .is_remote_admin_down = true}));
    EXPECT_TRUE(last_event("b").event.is_up);  // of a session that is gone nothing is said
    EXPECT_FALSE(service->status().sessions.contains("b"));
}

TEST_F(BfdServiceTest, AHeldSessionIsDownUntilItIsLetGo) {
    auto sessions = both_ends("127.0.0.1", "127.0.0.2");
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", true) && wait_for("b", true));
    sessions["a"].admin_down = true;
    ASSERT_TRUE(service->set_sessions(sessions));
    ASSERT_TRUE(wait_for("a", false) && wait_for("b", false));
    EXPECT_EQ(last_event("a").event.diagnostic, Diagnostic::administratively_down);
    EXPECT_TRUE(last_event("b").event.is_remote_admin_down);
    sessions["a"].admin_down = false;
    ASSERT_TRUE(service->set_sessions(sessions));
    EXPECT_TRUE(wait_for("a", true) && wait_for("b", true));
}

TEST_F(BfdServiceTest, SaysWhatIsMissing) {
    ASSERT_TRUE(service->set_sessions(
        {{"a", {.remote = ip("fe80::2"), .interface = "no-such-device", .settings = quick()}}}));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        const auto session = now.sessions.find("a");
        return session != now.sessions.end() &&
               session->second.problem ==
                   "the interface no-such-device does not exist on this node";
    }));
    EXPECT_FALSE(service->set_sessions({{"b", {}}}));
    EXPECT_TRUE(service->status().sessions.contains("a"));  // nothing has changed
}

// Whoever has the port gets the packets; a session that hears nothing must say so.
TEST_F(BfdServiceTest, SaysThatAnotherDaemonHasThePort) {
    const Descriptor other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ASSERT_EQ(::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    sockaddr_storage address;
    const socklen_t size = to_socket_address(address, ip("0.0.0.0"), ports.control, 0);
    ASSERT_EQ(::bind(other.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), size), 0);
    ASSERT_TRUE(service->set_sessions(both_ends("127.0.0.1", "127.0.0.2")));
    EXPECT_TRUE(wait_for_status([](const ServiceStatus& now) {
        const auto session = now.sessions.find("a");
        return session != now.sessions.end() &&
               session->second.problem.find("does another BFD daemon run here?") !=
                   std::string::npos;
    }));
}

TEST_F(BfdServiceTest, StopsTwiceAndThenKnowsNothing) {
    ASSERT_TRUE(service->set_sessions(both_ends("127.0.0.1", "127.0.0.2")));
    service->stop();
    service->stop();
    EXPECT_TRUE(service->status().sessions.empty());
    EXPECT_TRUE(service->set_sessions({}));
}

TEST_F(BfdServiceTest, ManyAskAtOnce) {
    ASSERT_TRUE(service->set_sessions(both_ends("127.0.0.1", "127.0.0.2")));
    std::vector<std::thread> askers;
    for (int i = 0; i < 4; ++i)
        askers.emplace_back([this] {
            for (int each = 0; each < 100; ++each) {
                static_cast<void>(service->status());
                EXPECT_TRUE(service->set_sessions(both_ends("127.0.0.1", "127.0.0.2")));
            }
        });
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(service->status().sessions.size(), 2U);
}

}  // namespace
}  // namespace trivet::announce::bfd
