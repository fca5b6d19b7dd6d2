// Which session a packet is for: RFC 5880 sections 6.3 and 6.8.6, RFC 5881 section 3, RFC 5883
// section 4.
#include "announce/bfd/bfd_table.hpp"

#include <gtest/gtest.h>

#include "tests/announce/bfd/bfd_packets.hpp"

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

class BfdTableTest : public testing::Test {
protected:
    BfdTable::Id add(const BfdTable::Place& place, std::uint32_t discriminator,
                     BfdSettings settings = {}) {
        const auto id = table.add(place, {.settings = settings,
                                          .multihop = place.multihop,
                                          .local_discriminator = discriminator,
                                          .random_seed = 1,
                                          .echo_key = {static_cast<std::uint8_t>(discriminator)}});
        static_cast<void>(table.session(id).start(now));
        return id;
    }
    Datagram datagram(std::string_view source, std::span<const std::byte> payload,
                      Channel channel = Channel::control) const {
        return {
            .payload = payload,
            .channel = channel,
            .source = ip(source),
            .destination = ip(source.find(':') == std::string_view::npos ? "192.0.2.1" : "fe80::1"),
            .interface = 2,
            .hop_limit = 255};
    }
    /// For whom a packet with these discriminators is.
    std::optional<BfdTable::Id> receiver(Datagram arrived, std::uint32_t your_discriminator,
                                         State state = State::down) {
        const ControlBytes bytes = encode({.state = state,
                                           .my_discriminator = 99,
                                           .your_discriminator = your_discriminator,
                                           .desired_min_tx_us = 100'000,
                                           .required_min_rx_us = 100'000});
        arrived.payload = bytes.view();
        const auto outcome = table.on_control(arrived, now);
        return outcome ? std::optional(outcome->id) : std::nullopt;
    }
    std::uint64_t discarded(Discard reason) const {
        return table.counters().discarded[static_cast<std::size_t>(reason)];
    }

    BfdTable table;
    Instant now = at(10s);
};

// "If the Your Discriminator field is nonzero, it MUST be used to select the session with which
// this BFD packet is associated. If no session is found, the packet MUST be discarded."
TEST_F(BfdTableTest, YourDiscriminatorSelectsTheSession) {
    const auto first = add({.remote = ip("192.0.2.2")}, 10);
    const auto second = add({.remote = ip("192.0.2.3")}, 20);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 10), first);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 20), second);  // addresses do not count
    EXPECT_EQ(receiver(datagram("203.0.113.9", {}), 20), second);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 30), std::nullopt);
    EXPECT_EQ(discarded(Discard::no_session), 1U);
}

// "If the Your Discriminator field is zero, the session MUST be selected based on some combination
// of other fields, possibly including source addressing information ... and the interface over
// which the packet was received."
TEST_F(BfdTableTest, WithoutOneTheNeighbourIsLookedFor) {
    const auto first = add({.remote = ip("192.0.2.2")}, 10);
    const auto second = add({.local = ip("192.0.2.1"), .remote = ip("192.0.2.3")}, 20);
    add({.local = ip("192.0.2.77"), .remote = ip("192.0.2.4")}, 30);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 0), first);
    EXPECT_EQ(receiver(datagram("192.0.2.3", {}), 0), second);
    EXPECT_EQ(receiver(datagram("192.0.2.4", {}), 0), std::nullopt);  // to another address of ours
    EXPECT_EQ(receiver(datagram("192.0.2.5", {}), 0), std::nullopt);
}

TEST_F(BfdTableTest, EqualLinkLocalAddressesArePartedByTheInterface) {
    const auto first = add({.remote = ip("fe80::2"), .interface = 1}, 10);
    const auto second = add({.remote = ip("fe80::2"), .interface = 2}, 20);
    Datagram arrived = datagram("fe80::2", {});
    EXPECT_EQ(receiver(arrived, 0), second);
    arrived.interface = 1;
    EXPECT_EQ(receiver(arrived, 0), first);
    arrived.interface = 3;
    EXPECT_EQ(receiver(arrived, 0), std::nullopt);
    table.set_interface(first, 3);
    EXPECT_EQ(receiver(arrived, 0), first);
}

// A forwarded packet must not get around the hop limit of a neighbour by the port of the others.
TEST_F(BfdTableTest, SingleHopAndMultihopAreApart) {
    const auto near = add({.remote = ip("192.0.2.2")}, 10);
    const auto far = add({.remote = ip("192.0.2.2"), .multihop = true}, 20);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 0), near);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}, Channel::multihop), 0), far);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}, Channel::multihop), 10), std::nullopt);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 20), std::nullopt);
}

TEST_F(BfdTableTest, ARetiredSessionHearsOnlyWhoKnowsIt) {
    const auto old = add({.remote = ip("192.0.2.2")}, 10);
    table.retire(old);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 0), std::nullopt);
    const auto next = add({.remote = ip("192.0.2.2")}, 20);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 0), next);
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 10), old);
    table.erase(old);
    EXPECT_FALSE(table.has_discriminator(10));
    EXPECT_EQ(receiver(datagram("192.0.2.2", {}), 10), std::nullopt);
    EXPECT_EQ(add({.remote = ip("192.0.2.3")}, 10), old);  // its place is used again
}

TEST_F(BfdTableTest, CountsWhatIsNoPacket) {
    add({.remote = ip("192.0.2.2")}, 10);
    for (std::size_t size = 0; size < 24; ++size)
        EXPECT_FALSE(table.on_control(datagram("192.0.2.2", std::vector<std::byte>(size)), now));
    EXPECT_EQ(discarded(Discard::truncated), 4U);
    EXPECT_EQ(discarded(Discard::version), 20U);
    EXPECT_EQ(table.counters().received, 24U);
}

TEST_F(BfdTableTest, TimersAreCalledWhereTheyAreDue) {
    add({.remote = ip("192.0.2.2")}, 10);
    now += 500ms;
    const auto second = add({.remote = ip("192.0.2.3")}, 20);
    std::vector<BfdTable::Id> called;
    const auto note = [&](BfdTable::Id id, const BfdActions&) { called.push_back(id); };
    EXPECT_EQ(table.next_deadline(), at(10s));
    table.on_timer(at(10s), note);
    EXPECT_EQ(called, std::vector<BfdTable::Id>{0});
    EXPECT_EQ(table.next_deadline(), now);
    table.on_timer(now, note);
    EXPECT_EQ(called.back(), second);
    EXPECT_GT(*table.next_deadline(), now);
}

class BfdTableEchoTest : public BfdTableTest {
protected:
    BfdTableEchoTest() {
        const BfdSettings echoing{.echo_interval = 50ms};
        neighbour = add({.remote = ip("192.0.2.2")}, 10, echoing);
        // Until it is up.
        for (const State state : {State::down, State::init}) {
            const ControlBytes bytes = encode({.state = state,
                                               .my_discriminator = 99,
                                               .your_discriminator = 10,
                                               .desired_min_tx_us = 1'000'000,
                                               .required_min_rx_us = 100'000,
                                               .required_min_echo_rx_us = 50'000});
            static_cast<void>(table.on_control(datagram("192.0.2.2", bytes.view()), now));
        }
    }
    EchoBytes next_echo() {  // in whatever form
        std::optional<EchoBytes> found;
        while (!found) {
            now = *table.next_deadline();
            table.on_timer(now, [&](BfdTable::Id, const BfdActions& actions) {
                for (const BfdAction& action : actions)
                    if (const auto* echo = std::get_if<SendEcho>(&action)) found = echo->packet;
            });
        }
        return *found;
    }
    BfdTable::EchoOutcome arrive(std::span<const std::byte> payload, std::uint8_t hop_limit,
                                 std::string_view source = "192.0.2.2") {
        Datagram arrived = datagram(source, payload, Channel::echo);
        arrived.hop_limit = hop_limit;
        return table.on_echo(arrived, now);
    }
    BfdTable::Id neighbour = 0;
};

// RFC 5880 section 6.8.8: "A received BFD Echo packet MUST be demultiplexed to the appropriate
// session for processing."
TEST_F(BfdTableEchoTest, OurEchoFindsItsSession) {
    const EchoBytes echo = next_echo();
    const auto outcome = arrive(echo, 254);
    ASSERT_TRUE(std::holds_alternative<BfdTable::Outcome>(outcome));
    EXPECT_EQ(std::get<BfdTable::Outcome>(outcome).id, neighbour);
    EXPECT_EQ(table.session(neighbour).status().echo, EchoPhase::active);
}

TEST_F(BfdTableEchoTest, AForgedOneDoesNot) {
    EchoBytes echo = next_echo();
    echo.back() ^= std::byte{1};
    static_cast<void>(arrive(echo, 254));
    EXPECT_EQ(table.session(neighbour).status().echo, EchoPhase::trial);
}

TEST_F(BfdTableEchoTest, ThePeersEchoGoesBackByOneHop) {
    const auto outcome = arrive(bytes_of({1, 2, 3}), 255);
    ASSERT_TRUE(std::holds_alternative<BfdTable::ReturnEcho>(outcome));
    EXPECT_EQ(std::get<BfdTable::ReturnEcho>(outcome).id, neighbour);
    EXPECT_EQ(std::get<BfdTable::ReturnEcho>(outcome).hop_limit, 254);
}

// RFC 5881 section 4: as routers send them, addressed to themselves.
TEST_F(BfdTableEchoTest, AnEchoThatIsAddressedToItsSenderGoesBack) {
    Datagram arrived = datagram("203.0.113.1", {}, Channel::echo);
    arrived.destination = ip("192.0.2.2");
    EXPECT_EQ(table.on_echo_to_itself(arrived, now), neighbour);
    arrived.hop_limit = 254;  // it has been here before
    EXPECT_EQ(table.on_echo_to_itself(arrived, now), std::nullopt);
    arrived.hop_limit = 255;
    arrived.destination = ip("192.0.2.9");
    EXPECT_EQ(table.on_echo_to_itself(arrived, now), std::nullopt);
}

// Nobody but a neighbour makes us send: neither strangers, nor what comes from afar, nor an echo
// that was returned once.
TEST_F(BfdTableEchoTest, NothingElseGoesBack) {
    const auto payload = bytes_of({1, 2, 3});
    EXPECT_TRUE(std::holds_alternative<std::monostate>(arrive(payload, 255, "192.0.2.99")));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(arrive(payload, 254)));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(arrive(payload, 64)));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(arrive(next_echo(), 253)));
    EXPECT_EQ(table.counters().echo_discarded, 4U);
}

}  // namespace
}  // namespace trivet::announce::bfd
