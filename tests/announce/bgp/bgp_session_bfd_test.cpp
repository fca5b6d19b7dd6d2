// What BFD means for a session (RFC 5882, RFC 9384).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "announce/bgp/bgp_session.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::describe;
using script::external_peer;
using script::find_action;
using script::peer_open;
using script::sent_codes;
using script::Talk;
using testing::ElementsAre;
using testing::IsEmpty;

BgpPeerSettings strict_peer() {
    BgpPeerSettings settings = external_peer();
    settings.bfd_strict = true;
    return settings;
}

TEST(BgpSession, StrictModeWaitsForBfd) {
    Talk talk(strict_peer());
    EXPECT_THAT(describe(talk.start()), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::idle);
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
    EXPECT_EQ(sent_codes(talk.connect(1, Direction::incoming)), "6/5");
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::admin_down, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
    (void)talk.connect(2);
    (void)talk.hear(2, peer_open());
    EXPECT_NE(find_action<SessionUp>(talk.hear(2, KeepaliveMessage{})), nullptr);

    EXPECT_EQ(sent_codes(talk.session.on_bfd(BfdState::down, talk.now)), "6/10");
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
    EXPECT_EQ(talk.session.next_deadline(), std::nullopt);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
}

TEST(BgpSession, StrictModeGivesAnAttemptUpWhenBfdGoesDown) {
    Talk talk(strict_peer());
    (void)talk.session.on_bfd(BfdState::up, talk.now);
    EXPECT_THAT(describe(talk.start()), ElementsAre("connect"));
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)),
                ElementsAre("cancel the attempt"));
    EXPECT_EQ(talk.session.status().waiting, Waiting::bfd);
}

// RFC 9384 section 3: Cease, "BFD Down".
TEST(BgpSession, BfdDownClosesAnEstablishedSession) {
    Talk talk;
    (void)talk.establish(1);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)), IsEmpty())
        << "it was never up";
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)),
                ElementsAre("send 1 NOTIFICATION Cease, BFD Down (6/10)", "close 1",
                            "down established: BFD lost the path to the peer; sent Cease, BFD Down "
                            "(6/10)"));
    EXPECT_EQ(talk.session.state(), SessionState::active);
    // The path is there again: no waiting.
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::up, talk.now)), ElementsAre("connect"));
}

// RFC 5882 section 3.2: AdminDown is no loss of the path.
TEST(BgpSession, BfdAdminDownClosesNothing) {
    Talk talk;
    (void)talk.establish(1);
    (void)talk.session.on_bfd(BfdState::up, talk.now);
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::admin_down, talk.now)), IsEmpty());
    EXPECT_THAT(describe(talk.session.on_bfd(BfdState::down, talk.now)), IsEmpty());
    EXPECT_EQ(talk.session.state(), SessionState::established);
}

}  // namespace
}  // namespace trivet::announce::bgp
