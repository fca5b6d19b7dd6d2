#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "daemon/host.hpp"
#include "tests/daemon/transport_fixture.hpp"

namespace trivet::daemon {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using test::Authority;
using test::End;

using TransportTest = test::TransportTest;

Frame request(std::uint64_t id) { return ReadRequest{id}; }

TEST_F(TransportTest, FramesArriveInOrderAndSayFromWhom) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    EXPECT_FALSE(a.transport->send(b.id(), request(0)));  // there is no way yet
    a.transport->set_peers({{b.id(), b.as_member()}});
    ASSERT_TRUE(run_until([&] { return a.transport->link(b.id()).is_up; }));
    EXPECT_EQ(a.links, (std::vector<std::pair<raft::RaftId, bool>>{{b.id(), true}}));
    for (std::uint64_t i = 1; i <= 1000; ++i) ASSERT_TRUE(a.transport->send(b.id(), request(i)));
    ASSERT_TRUE(run_until([&] { return b.frames.size() == 1000; }));
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        EXPECT_EQ(b.frames[i - 1].first, a.id());
        EXPECT_EQ(std::get<ReadRequest>(b.frames[i - 1].second).id, i);
    }
    EXPECT_TRUE(a.frames.empty());
    // Who is called learns where to call back.
    EXPECT_EQ(b.introduced.at(a.id()).address, a.as_member().address);
}

TEST_F(TransportTest, AFrameOfSixteenMebibytesArrives) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    ASSERT_TRUE(run_until([&] { return a.transport->link(b.id()).is_up; }));
    const std::string payload(payload_bytes_max, 'p');
    ASSERT_TRUE(a.transport->send(b.id(), ProposeRequest{1, payload}));
    ASSERT_TRUE(a.transport->send(b.id(), ProposeRequest{2, "x"}));
    // What waits has a limit.
    EXPECT_FALSE(a.transport->send(b.id(), ProposeRequest{3, payload}));
    ASSERT_TRUE(run_until([&] { return b.frames.size() == 2; }));
    EXPECT_EQ(std::get<ProposeRequest>(b.frames[0].second).payload, payload);
}

TEST_F(TransportTest, ANodeThatComesBackIsConnectedAgain) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    auto b = std::make_unique<End>(io, authority.issue("n2"), End::Identity{.id = 2, .node = "n2"});
    a.transport->set_peers({{b->id(), b->as_member()}});
    ASSERT_TRUE(run_until([&] { return a.transport->link(raft::RaftId(2)).is_up; }));
    const std::uint16_t port = b->port;
    b->transport->stop();
    ASSERT_TRUE(run_until([&] { return !a.transport->link(raft::RaftId(2)).is_up; }));
    EXPECT_EQ(a.links.back(), std::pair(raft::RaftId(2), false));
    EXPECT_FALSE(a.transport->send(raft::RaftId(2), request(1)));
    b->transport = std::make_unique<Transport>(
        io, b->log, Transport::Options{.id = b->id(), .node = "n2", .boots = {}},
        Transport::Callbacks{.on_frame = [](raft::RaftId, const Frame&) {},
                             .on_link = [](raft::RaftId, bool) {},
                             .check_peer = [](raft::RaftId, const std::string&,
                                              const raft::BootHistory&) { return Result<void>{}; },
                             .cluster_id = [] { return std::string("c1"); },
                             .address = [] { return std::string(); },
                             .on_introduction = [](raft::RaftId, const raft::Member&) {}});
    auto contexts = make_peer_contexts(b->pki);
    ASSERT_TRUE(
        b->transport->listen({asio::ip::address_v4::loopback(), port}, std::move(*contexts)));
    EXPECT_TRUE(run_until([&] { return a.transport->link(raft::RaftId(2)).is_up; }));
}

// ---- keys of the leases -------------------------------------------------------------------------

TEST_F(TransportTest, BothEndsOfAConnectionGetTheSameKeyAndEachDirectionItsOwn) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    ASSERT_TRUE(run_until([&] { return a.transport->link(b.id()).is_up; }));
    b.transport->set_peers({{a.id(), a.as_member()}});
    ASSERT_TRUE(run_until([&] { return b.transport->link(a.id()).is_up; }));
    const auto a_to_b = a.lease_keys[{b.id(), LeaseKeyUse::send}];
    const auto b_to_a = b.lease_keys[{a.id(), LeaseKeyUse::send}];
    ASSERT_EQ(a_to_b.size(), 1u);
    ASSERT_EQ(b_to_a.size(), 1u);
    EXPECT_EQ(a_to_b, (b.lease_keys[{a.id(), LeaseKeyUse::receive}]));
    EXPECT_EQ(b_to_a, (a.lease_keys[{b.id(), LeaseKeyUse::receive}]));
    EXPECT_NE(a_to_b, b_to_a);
}

TEST_F(TransportTest, AReconnectMakesAKeyThatTheReceiverHasBeforeTheSenderUsesIt) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    ASSERT_TRUE(run_until([&] { return a.transport->link(b.id()).is_up; }));
    raft::Member elsewhere = b.as_member();
    elsewhere.address = "127.0.0.1:1";  // nobody is there
    a.transport->set_peers({{b.id(), elsewhere}});
    ASSERT_TRUE(run_until([&] { return !a.transport->link(b.id()).is_up; }));
    a.transport->set_peers({{b.id(), b.as_member()}});
    const auto& sending = a.lease_keys[{b.id(), LeaseKeyUse::send}];
    const auto& receiving = b.lease_keys[{a.id(), LeaseKeyUse::receive}];
    ASSERT_TRUE(run_until([&] {
        EXPECT_GE(receiving.size(), sending.size());
        return sending.size() == 2;
    }));
    EXPECT_EQ(sending, receiving);
    EXPECT_NE(sending[0], sending[1]);
}

TEST_F(TransportTest, ThePairIsPartOfTheKey) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    asio::io_context other;
    auto contexts = make_peer_contexts(authority.issue("n1"));
    asio::ssl::stream<tcp::socket> stream(other, *contexts->dialling);
    stream.next_layer().connect({asio::ip::address_v4::loopback(), b.port});
    std::thread turning([&] { io.run_for(std::chrono::seconds{1}); });
    stream.handshake(asio::ssl::stream_base::client);
    io.stop();
    turning.join();
    const auto key_for = [&](std::uint64_t dialler, std::uint64_t acceptor) {
        return export_lease_key(stream.native_handle(), {.dialler = raft::RaftId(dialler),
                                                         .acceptor = raft::RaftId(acceptor)})
            .value();
    };
    EXPECT_EQ(key_for(1, 2), key_for(1, 2));
    EXPECT_NE(key_for(1, 2), key_for(2, 1));
    EXPECT_NE(key_for(1, 2), key_for(1, 3));
}

TEST_F(TransportTest, WhoIsTurnedAwayGetsNoKey) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1", .cluster_id = "other"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return a.log.has("belongs to another cluster, other"); }));
    EXPECT_TRUE(a.lease_keys.empty());
    EXPECT_TRUE(b.lease_keys.empty());
}

// ---- who is turned away -------------------------------------------------------------------------

TEST_F(TransportTest, AnEarlierLifeOfANodeIsNotReached) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{raft::RaftId(99), b.as_member()}});
    ASSERT_TRUE(run_until([&] { return a.log.has("an earlier life of node 'n2'"); }));
    EXPECT_FALSE(a.transport->link(raft::RaftId(99)).is_up);
    EXPECT_TRUE(b.log.has("lbctl cluster remove n2"));
    EXPECT_EQ(b.transport->refusals().size(), 1u);
}

TEST_F(TransportTest, AnotherNodeAtTheAddressIsNotTakenForTheOneMeant) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    raft::Member wrong = b.as_member();
    wrong.name = "n3";
    a.transport->set_peers({{b.id(), wrong}});
    EXPECT_TRUE(run_until([&] { return a.log.has("is not that of node 'n3'"); }));
    EXPECT_TRUE(b.frames.empty());
}

TEST_F(TransportTest, ANodeThatCallsItselfByAnothersNameIsTurnedAway) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n9"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return a.log.has("certificate is not that of node 'n9'"); }));
}

TEST_F(TransportTest, ANodeOfAnotherClusterIsTurnedAwayAndOneThatKnowsNoneYetIsNot) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1", .cluster_id = "other"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return a.log.has("belongs to another cluster, other"); }));
    End c(io, authority.issue("n3"), {.id = 3, .node = "n3", .cluster_id = ""});
    c.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return c.transport->link(b.id()).is_up; }));
}

TEST_F(TransportTest, AnOldCopyIsTurnedAwayByBothSides) {
    End a(io, authority.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    b.check = [](raft::RaftId, const raft::BootHistory& boots) -> Result<void> {
        EXPECT_TRUE(boots.contains({1, 7}));
        return fail(ErrorCode::not_allowed, "it is an older copy");
    };
    a.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return a.log.has("turns this node away: it is an older copy"); }));
    b.transport->set_peers({{a.id(), a.as_member()}});
    EXPECT_TRUE(run_until([&] { return b.log.has("no connection to a node peer=n1"); }));
    EXPECT_FALSE(b.transport->link(a.id()).is_up);
}

TEST_F(TransportTest, ACertificateOfAnotherAuthorityDoesNotGetIn) {
    Authority stranger;
    End a(io, stranger.issue("n1"), {.id = 1, .node = "n1"});
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    a.transport->set_peers({{b.id(), b.as_member()}});
    EXPECT_TRUE(run_until([&] { return a.log.has("the TLS handshake failed"); }));
    EXPECT_TRUE(b.log.lines.empty());  // a port scan must not fill the log
}

// ---- what no node sends -------------------------------------------------------------------------

/// A peer with a good certificate that sends what the test says. Blocking: it lives on a thread.
class RawPeer {
public:
    RawPeer(const End& to, const Pki& pki)
        : contexts_(make_peer_contexts(pki).value()), stream_(io_, *contexts_.dialling) {
        stream_.next_layer().connect({asio::ip::address_v4::loopback(), to.port});
        stream_.handshake(asio::ssl::stream_base::client);
    }
    void send(const std::string& bytes) { asio::write(stream_, asio::buffer(bytes)); }
    /// Everything until the other side closes.
    std::string read_to_the_end() {
        std::string all;
        boost::system::error_code error;
        asio::read(stream_, asio::dynamic_buffer(all), error);
        return all;
    }

private:
    asio::io_context io_;
    PeerContexts contexts_;
    asio::ssl::stream<tcp::socket> stream_;
};

class RawTransportTest : public TransportTest {
protected:
    /// What comes back when these bytes are sent, up to the end of the connection.
    std::string answer_to(End& end, const std::vector<std::string>& pieces) {
        const Pki pki = authority.issue("n1");
        std::string answer;
        std::atomic<bool> is_done = false;
        std::thread peer([&] {
            RawPeer raw(end, pki);
            for (const std::string& piece : pieces) raw.send(piece);
            answer = raw.read_to_the_end();
            is_done = true;
        });
        EXPECT_TRUE(run_until([&] { return is_done.load(); }));
        if (!is_done) end.transport->stop();
        run_until([&] { return is_done.load(); });
        peer.join();
        return answer;
    }
    static Hello hello() {
        return {.version_min = 1,
                .version_max = 1,
                .cluster_id = "c1",
                .id = raft::RaftId(1),
                .to = raft::RaftId(2),
                .node = "n1",
                .address = "127.0.0.1:1",
                .boots = {}};
    }
};

TEST_F(RawTransportTest, AFirstFrameThatIsNoGreetingEndsTheConnection) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    EXPECT_EQ(answer_to(b, {encode(request(1))}), "");
    EXPECT_EQ(answer_to(b, {std::string("\xff\xff\xff\xff\x01", 5)}), "");
    EXPECT_EQ(answer_to(b, {std::string(100, '\0')}), "");
    EXPECT_TRUE(b.frames.empty());
}

TEST_F(RawTransportTest, AVersionThatNobodySpeaksIsRefusedWithTheReason) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    Hello future = hello();
    future.version_min = 7;
    future.version_max = 9;
    EXPECT_NE(answer_to(b, {encode(future)}).find("upgrade one release at a time"),
              std::string::npos);
}

TEST_F(RawTransportTest, ACopyOfTheDataDirectoryElsewhereIsTurnedAway) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    Hello copy = hello();
    copy.id = b.id();
    EXPECT_NE(answer_to(b, {encode(copy)}).find("a copy of this node's data directory"),
              std::string::npos);
}

TEST_F(RawTransportTest, AFrameThatDoesNotDecodeEndsTheConnectionAndIsTold) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    answer_to(b, {encode(hello()), encode(request(5)), std::string("\0\0\0\x01\x04x", 6)});
    ASSERT_EQ(b.frames.size(), 1u);
    EXPECT_TRUE(b.log.has("sends what no node sends"));
    answer_to(b, {encode(hello()), std::string("\x7f\0\0\0\x04", 5)});
    EXPECT_TRUE(b.log.has("at most 20971520 are allowed"));
}

TEST_F(RawTransportTest, ANewerConnectionOfAPeerTakesThePlaceOfTheOlder) {
    End b(io, authority.issue("n2"), {.id = 2, .node = "n2"});
    const Pki pki = authority.issue("n1");
    std::atomic<bool> is_replaced = false;
    std::thread older([&] {
        RawPeer raw(b, pki);
        raw.send(encode(hello()));
        raw.read_to_the_end();
        is_replaced = true;
    });
    EXPECT_TRUE(run_until([&] { return b.introduced.contains(raft::RaftId(1)); }));
    std::thread newer([&] {
        RawPeer raw(b, pki);
        raw.send(encode(hello()));
        raw.send(encode(request(1)));
    });
    EXPECT_TRUE(run_until([&] { return is_replaced.load() && b.frames.size() == 1; }));
    b.transport->stop();
    run_until([&] { return is_replaced.load(); });
    older.join();
    newer.join();
}

}  // namespace

}  // namespace trivet::daemon
