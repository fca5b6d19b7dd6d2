#include "announce/bgp/bgp_connection.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::at;
using script::external_peer;
using script::peer_open;

BgpConnection new_connection() {
    return BgpConnection(1, Direction::outgoing,
                         make_open(external_peer(), {.bgp_identifier = 0x0a000001}), at(0s));
}

Negotiated agreed(const BgpConnection& connection, const OpenMessage& open) {
    return *negotiate(external_peer(), connection.our_open(), open);
}

BgpConnection established_connection() {
    BgpConnection connection = new_connection();
    connection.accept(agreed(connection, peer_open()), at(0s));
    connection.establish(at(0s));
    return connection;
}

TEST(BgpConnection, GivesAMessageWhenItIsWhole) {
    BgpConnection connection = new_connection();
    const script::Bytes bytes = encode(peer_open());
    connection.receive(std::span(bytes).first(bytes.size() - 1));
    EXPECT_FALSE(connection.next_message()->has_value());
    connection.forget_taken();
    EXPECT_EQ(connection.buffered_bytes(), bytes.size() - 1);
    connection.receive(std::span(bytes).last(1));
    const auto message = connection.next_message();
    ASSERT_TRUE(message && *message);
    EXPECT_EQ(std::get<OpenMessage>(**message), peer_open());
    EXPECT_FALSE(connection.next_message()->has_value());
    connection.forget_taken();
    EXPECT_EQ(connection.buffered_bytes(), 0u);
}

TEST(BgpConnection, KeepsOnlyWhatIsNotWhole) {
    BgpConnection connection = established_connection();
    const script::Bytes keepalive = encode(KeepaliveMessage{});
    for (int i = 0; i < 100'000; ++i) {
        connection.receive(keepalive);
        connection.receive(std::span(keepalive).first(5));
        ASSERT_TRUE(connection.next_message()->has_value());
        ASSERT_FALSE(connection.next_message()->has_value());
        connection.forget_taken();
        ASSERT_EQ(connection.buffered_bytes(), 5u);
        connection.receive(std::span(keepalive).subspan(5));
        ASSERT_TRUE(connection.next_message()->has_value());
        connection.forget_taken();
    }
    EXPECT_EQ(connection.buffered_bytes(), 0u);
}

TEST(BgpConnection, IsInTheStateThatItsOpensHaveReached) {
    BgpConnection connection = new_connection();
    EXPECT_EQ(connection.state(), SessionState::open_sent);
    EXPECT_FALSE(connection.negotiated());
    EXPECT_FALSE(connection.may_send_keepalive(at(10s)));
    connection.accept(agreed(connection, peer_open()), at(0s));
    EXPECT_EQ(connection.state(), SessionState::open_confirm);
    EXPECT_EQ(connection.negotiated()->hold_time, 90s);
    connection.establish(at(0s));
    EXPECT_EQ(connection.state(), SessionState::established);
}

TEST(BgpConnection, DeadlinesAreTheEarliestOfItsTimers) {
    BgpConnection connection = new_connection();
    EXPECT_EQ(connection.next_deadline(), at(240s));
    connection.accept(agreed(connection, peer_open()), at(10s));
    EXPECT_EQ(connection.next_deadline(), at(100s));
    connection.on_sent(at(10s), 30s);
    EXPECT_EQ(connection.next_deadline(), at(40s));
    EXPECT_EQ(connection.due(at(39s)), std::nullopt);
    EXPECT_EQ(connection.due(at(40s)), BgpConnection::Timer::keepalive);
    EXPECT_EQ(connection.due(at(100s)), BgpConnection::Timer::hold) << "it matters more";
}

// RFC 9687 section 4.3: started when the session is established.
TEST(BgpConnection, SendHoldRunsInEstablishedWhileBytesWait) {
    BgpConnection connection = new_connection();
    connection.on_write_progress({.taken = 0, .waiting = 1}, at(0s));
    connection.accept(agreed(connection, peer_open()), at(0s));
    connection.on_write_progress({.taken = 0, .waiting = 1}, at(0s));
    connection.establish(at(0s));
    for (int i = 0; i <= 10; ++i) connection.restart_hold_timer(at(i * 60s));
    EXPECT_EQ(connection.next_deadline(), at(690s)) << "the hold timer";
    connection.on_write_progress({.taken = 0, .waiting = 1}, at(100s));
    connection.on_write_progress({.taken = 0, .waiting = 2}, at(200s));
    EXPECT_EQ(connection.due(at(580s)), BgpConnection::Timer::send_hold);
    connection.on_write_progress({.taken = 1, .waiting = 1}, at(200s));
    EXPECT_EQ(connection.due(at(580s)), std::nullopt);
    EXPECT_EQ(connection.due(at(680s)), BgpConnection::Timer::send_hold);
    connection.on_write_progress({.taken = 1, .waiting = 0}, at(200s));
    EXPECT_EQ(connection.due(at(680s)), std::nullopt);
}

TEST(BgpConnection, KeepalivesAreASecondApart) {
    BgpConnection connection = established_connection();
    connection.on_sent(at(10s), 30s);
    EXPECT_FALSE(connection.may_send_keepalive(at(10999ms)));
    EXPECT_TRUE(connection.may_send_keepalive(at(11s)));
}

}  // namespace
}  // namespace trivet::announce::bgp
