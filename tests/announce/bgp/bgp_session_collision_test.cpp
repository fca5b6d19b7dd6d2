// Two connections with one peer (RFC 4271 section 6.8, RFC 6286).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::at;
using script::describe;
using script::external_peer;
using script::find_action;
using script::peer_open;
using script::sent_codes;
using script::sent_keepalives;
using script::Talk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BgpPeerSettings passive_peer() {
    BgpPeerSettings settings = external_peer();
    settings.passive = true;
    return settings;
}

enum class First { outgoing, incoming };

/// Both connections are there; the peer's OPEN comes on the one, then on the other. Which is kept?
ConnectionId kept_of_two(const BgpPeerSettings& settings, const OpenMessage& open, First first) {
    constexpr ConnectionId outgoing = 1, incoming = 2;
    Talk talk(settings);
    (void)talk.start();
    (void)talk.connect(outgoing);
    (void)talk.connect(incoming, Direction::incoming);
    const ConnectionId one = first == First::outgoing ? outgoing : incoming;
    const ConnectionId other = first == First::outgoing ? incoming : outgoing;
    EXPECT_THAT(describe(talk.hear(one, open)),
                ElementsAre("send " + std::to_string(one) + " KEEPALIVE"));
    const auto actions = talk.hear(other, open);
    EXPECT_EQ(sent_codes(actions), "6/7") << "RFC 4486: Connection Collision Resolution";
    const auto* closed = find_action<CloseTransport>(actions);
    EXPECT_NE(closed, nullptr);
    if (closed == nullptr) return 0;
    EXPECT_EQ(find_action<SessionDown>(actions), nullptr) << "the session goes on";
    const ConnectionId kept = closed->connection == outgoing ? incoming : outgoing;
    EXPECT_NE(find_action<SessionUp>(talk.hear(kept, KeepaliveMessage{})), nullptr);
    EXPECT_THAT(describe(talk.hear(closed->connection, KeepaliveMessage{})), IsEmpty());
    return kept;
}

// "the connection initiated by the BGP speaker with the higher-valued BGP Identifier is retained".
TEST(BgpSession, ACollisionKeepsTheConnectionOfTheHigherIdentifier) {
    for (const First first : {First::outgoing, First::incoming}) {
        OpenMessage open = peer_open();
        open.bgp_identifier = 0x0a000002;  // ours is 10.0.0.1
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
        open.bgp_identifier = 0x09ffffff;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 1u);
        // "converting them to host byte order and treating them as 4-octet unsigned integers"
        open.bgp_identifier = 0xf0000001;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
    }
}

// RFC 6286 section 2.3: "the connection initiated by the BGP speaker with the larger AS number".
TEST(BgpSession, ACollisionOfEqualIdentifiersKeepsThatOfTheLargerAs) {
    for (const First first : {First::outgoing, First::incoming}) {
        OpenMessage open = peer_open();  // of AS 64513, above ours
        open.bgp_identifier = 0x0a000001;
        EXPECT_EQ(kept_of_two(external_peer(), open, first), 2u);
        BgpPeerSettings settings = external_peer();
        settings.local_asn = AsNumber{4'200'000'001};
        EXPECT_EQ(kept_of_two(settings, open, first), 1u);
    }
}

TEST(BgpSession, AnEstablishedConnectionClosesTheOtherOne) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.connect(2, Direction::incoming);
    (void)talk.hear(1, peer_open());
    EXPECT_THAT(describe(talk.hear(1, KeepaliveMessage{})),
                ElementsAre("send 2 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 2", HasSubstr("up 1 ")));
}

// "a connection collision with an existing BGP connection that is in the Established state causes
// closing of the newly created connection".
TEST(BgpSession, ANewConnectionBesideAnEstablishedOneIsClosed) {
    Talk talk;
    (void)talk.establish(1);
    talk.now += 10s;
    // And the established one is asked at once whether it still is.
    EXPECT_THAT(describe(talk.connect(2, Direction::incoming)),
                ElementsAre("send 2 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 2", "send 1 KEEPALIVE"));
    EXPECT_EQ(sent_keepalives(talk.connect(3, Direction::incoming)), 0u) << "one a second";
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

TEST(BgpSession, AnIncomingConnectionWithItsOpenEndsOurAttempt) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1, Direction::incoming);
    EXPECT_EQ(talk.session.state(), SessionState::open_sent);
    EXPECT_THAT(describe(talk.hear(1, peer_open())),
                ElementsAre("cancel the attempt", "send 1 KEEPALIVE"));
}

TEST(BgpSession, APeerThatConnectsAnewHasGivenTheFormerConnectionUp) {
    Talk talk(passive_peer());
    (void)talk.start();
    (void)talk.connect(1, Direction::incoming);
    EXPECT_THAT(describe(talk.connect(2, Direction::incoming)),
                ElementsAre("send 1 NOTIFICATION Cease, Connection Collision Resolution (6/7)",
                            "close 1", HasSubstr("send 2 OPEN")));
}

TEST(BgpSession, WhileOneConnectionGoesOnTheOtherMayFail) {
    Talk talk;
    (void)talk.start();
    (void)talk.connect(1);
    (void)talk.connect(2, Direction::incoming);
    (void)talk.session.on_closed(1, "reset", talk.now);
    EXPECT_EQ(talk.session.state(), SessionState::open_sent);
    (void)talk.hear(2, peer_open());
    EXPECT_NE(find_action<SessionUp>(talk.hear(2, KeepaliveMessage{})), nullptr);
    EXPECT_EQ(find_action<StartConnect>(talk.wait(30s)), nullptr);
}

}  // namespace
}  // namespace trivet::announce::bgp
