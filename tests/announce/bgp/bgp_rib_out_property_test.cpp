// Random routes, sessions and interruptions: at any time the Adj-RIB-Out knows what its peer was
// told, and in the end the peer knows what it shall.
#include <cstdlib>
#include <fmt/format.h>
#include <random>

#include "announce/bgp/bgp_rib_out.hpp"
#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using update_test::address;
using update_test::expected_table;
using update_test::PeerTable;
using update_test::SessionCase;
using update_test::ToldPeer;

constexpr std::size_t no_limit = std::size_t{1} << 30;

/// A RibOut and its peer, and whatever happens to them.
class RandomPeering {
public:
    explicit RandomPeering(std::uint64_t seed) : random_(seed) {
        for (int length = 27; length <= 32; ++length)
            for (std::uint32_t at = 0; at < 32; at += 1U << (32 - length))
                universe_.push_back(Prefix::containing(IpAddress::v4(0x0A000000 + at), length));
        for (int length = 123; length <= 128; ++length)
            for (unsigned at = 0; at < 32; at += 1U << (128 - length)) {
                IpAddress::V6Bytes bytes{0x20, 0x01, 0x0d, 0xb8};
                bytes[15] = static_cast<std::uint8_t>(at);
                universe_.push_back(Prefix::containing(IpAddress::v6(bytes), length));
            }
        std::ranges::sort(universe_);
        sets_ = {{},
                 {.local_pref = 200},
                 {.prepend = 1},
                 {.med = 7, .communities = {well_known::no_export}},
                 {.local_pref = 200, .large_communities = {{1, 2, 3}}},
                 with_communities(985),    // room for a few routes a message
                 with_communities(1005),   // too large for IPv6 routes
                 with_communities(3000)};  // too large without extended messages
        routes_ = std::make_shared<BgpRoutes>();
    }

    void step() {
        const int dice = number(1, 100);
        if (dice <= 35)
            take(number(1, 4) == 1 ? no_limit : size(1, 20'000));
        else if (dice <= 60)
            change_some_routes();
        else if (dice <= 70)
            change_all_routes();
        else if (dice <= 80)
            refresh();
        else if (dice <= 86)
            change_next_hops();
        else if (dice <= 92)
            up();
        else if (dice <= 94)
            down();
        else
            drain();
    }

    void drain() {
        for (int calls = 0; rib_.has_work() && calls < 100'000; ++calls) take(size(1, 20'000));
        ASSERT_FALSE(rib_.has_work());
        ASSERT_TRUE(rib_.take_updates(no_limit).empty());
        if (!is_up_ || !is_set_) return;
        ASSERT_EQ(peer_.table(), expected_table(*routes_, session_));
        const std::set<AfiSafi> ends(peer_.ends_of_rib().begin(), peer_.ends_of_rib().end());
        ASSERT_EQ(ends, session_.negotiated.codec.families);
        ASSERT_EQ(ends.size(), peer_.ends_of_rib().size()) << "an End-of-RIB came twice";
        peer_.tolerate_again(false);
    }

    /// What must hold at any time.
    void check() {
        ASSERT_THAT(peer_.complaints(), testing::IsEmpty());
        if (!is_up_) return;
        std::vector<Prefix> told, known;
        for (const ToldRoute& route : rib_.told_routes({}, no_limit)) told.push_back(route.prefix);
        std::map<IpFamily, std::size_t> count;
        for (const auto& [prefix, path] : peer_.table()) {
            known.push_back(prefix);
            ++count[prefix.family()];
        }
        ASSERT_EQ(told, known);
        ASSERT_EQ(rib_.advertised(ipv4_unicast), count[IpFamily::ipv4]);
        ASSERT_EQ(rib_.advertised(ipv6_unicast), count[IpFamily::ipv6]);
        const Prefix any = one_of(universe_);
        ASSERT_EQ(rib_.is_advertised(any), peer_.table().contains(any)) << any.to_string();
        check_attributes(any);
        check_page();
    }

private:
    int number(int first, int last) { return std::uniform_int_distribution(first, last)(random_); }
    std::size_t size(int first, int last) { return static_cast<std::size_t>(number(first, last)); }
    bool chance(int percent) { return number(1, 100) <= percent; }
    template <class T>
    const T& one_of(const std::vector<T>& values) {
        return values[size(0, static_cast<int>(values.size()) - 1)];
    }
    static BgpAttributes with_communities(std::uint32_t count) {
        BgpAttributes attributes;
        for (std::uint32_t i = 0; i < count; ++i) attributes.communities.insert(Community(i));
        return attributes;
    }

    void take(std::size_t bytes_max) {
        const auto bytes = rib_.take_updates(bytes_max);
        ASSERT_LE(bytes.size(), std::max(bytes_max, session_.message_size_max()));
        peer_.apply(bytes);
    }
    void set_routes(std::map<Prefix, std::uint32_t> routes) {
        auto table = std::make_shared<BgpRoutes>();
        // In another order each time, so that an index means nothing beyond its table.
        std::vector<std::uint32_t> place(sets_.size());
        for (std::uint32_t i = 0; i < place.size(); ++i) place[i] = i;
        std::ranges::shuffle(place, random_);
        table->attributes.resize(sets_.size());
        for (std::size_t i = 0; i < place.size(); ++i) table->attributes[place[i]] = sets_[i];
        for (const auto& [prefix, set] : routes)
            table->routes.push_back({.prefix = prefix, .attributes = place[set]});
        wanted_ = std::move(routes);
        routes_ = table;
        is_set_ = true;
        rib_.set_routes(std::move(table));
        expect();
    }
    std::uint32_t some_set() {
        return static_cast<std::uint32_t>(number(0, static_cast<int>(sets_.size()) - 1));
    }
    void change_some_routes() {
        auto routes = wanted_;
        for (int i = number(0, 8); i > 0; --i)
            if (const Prefix prefix = one_of(universe_); chance(40))
                routes.erase(prefix);
            else
                routes[prefix] = some_set();
        set_routes(std::move(routes));
    }
    void change_all_routes() {
        std::map<Prefix, std::uint32_t> routes;
        const int percent = one_of(std::vector{0, 10, 50, 90, 100});
        const std::uint32_t set = some_set();
        const bool is_mixed = chance(50);
        for (const Prefix& prefix : universe_)
            if (chance(percent)) routes[prefix] = is_mixed ? some_set() : set;
        set_routes(std::move(routes));
    }
    void refresh() {
        rib_.refresh(chance(50) ? ipv4_unicast : ipv6_unicast);
        // Without marks nobody can tell a refresh from a route that came again.
        if (!session_.negotiated.codec.enhanced_route_refresh) peer_.tolerate_again(true);
    }
    NextHops some_next_hops() {
        NextHops next_hops;
        if (chance(70)) next_hops.ipv4 = address(chance(50) ? "192.0.2.1" : "192.0.2.2");
        if (chance(70)) next_hops.ipv6 = address(chance(50) ? "2001:db8::a" : "2001:db8::b");
        if (chance(40)) next_hops.ipv6_link_local = address("fe80::1");
        return next_hops;
    }
    void change_next_hops() {
        session_.next_hops = some_next_hops();
        rib_.set_next_hops(session_.next_hops);
        peer_.tolerate_again(true);  // of a change that was taken back half way
        if (is_up_) expect();
    }
    void up() {
        Negotiated& negotiated = session_.negotiated;
        negotiated.local_as = AsNumber(chance(50) ? 64512 : 4200000001);
        negotiated.is_external = chance(70);
        CodecOptions& codec = negotiated.codec;
        codec = {};
        codec.four_octet_as = chance(70);
        codec.extended_messages = chance(30);
        codec.enhanced_route_refresh = chance(60);
        codec.families = one_of(std::vector<std::set<AfiSafi>>{
            {ipv4_unicast}, {ipv6_unicast}, {ipv4_unicast, ipv6_unicast}});
        if (chance(50)) codec.extended_next_hop = {ipv4_unicast};
        session_.our_role = one_of(std::vector<std::optional<BgpRole>>{
            std::nullopt, BgpRole::customer, BgpRole::peer, BgpRole::provider});
        session_.next_hops = some_next_hops();
        rib_.on_up(negotiated, session_.next_hops, session_.our_role);
        peer_ = ToldPeer(session_.message_size_max());
        is_up_ = true;
        expect();
    }
    void down() {
        rib_.on_down();
        peer_ = ToldPeer();
        is_up_ = false;
    }
    void expect() { peer_.expect(is_up_ ? expected_table(*routes_, session_) : PeerTable{}); }

    /// What it says of a route is what the peer has.
    void check_attributes(const Prefix& prefix) {
        const BgpAttributes* attributes = rib_.told(prefix);
        if (attributes == nullptr) return;
        const BgpRoutes alone{.attributes = {*attributes},
                              .routes = {{.prefix = prefix, .attributes = 0}}};
        const auto expected = expected_table(alone, session_);
        // The next hop may be another by now, and then it is to be told again.
        const auto found = expected.find(prefix);
        if (found == expected.end()) return;
        ASSERT_EQ(found->second.attributes, peer_.table().at(prefix).attributes);
    }
    void check_page() {
        const Prefix after = one_of(universe_);
        const std::size_t count = size(0, 5);
        const auto page = rib_.told_routes(after, count);
        auto known = peer_.table().upper_bound(after);
        for (const ToldRoute& route : page) {
            ASSERT_NE(known, peer_.table().end());
            ASSERT_EQ(route.prefix, known->first);
            ++known;
        }
        ASSERT_TRUE(page.size() == count || known == peer_.table().end());
    }

    std::mt19937_64 random_;
    std::vector<Prefix> universe_;
    std::vector<BgpAttributes> sets_;
    std::map<Prefix, std::uint32_t> wanted_;
    std::shared_ptr<const BgpRoutes> routes_;
    bool is_set_ = false;
    bool is_up_ = false;
    SessionCase session_;
    RibOut rib_;
    ToldPeer peer_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* wanted = std::getenv(name);
    return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

// More with TRIVET_BGP_RIB_SEEDS=1000 or TRIVET_BGP_RIB_STEPS=1000.
TEST(BgpRibOutProperty, ThePeerKnowsWhatItShallAndIsToldNothingTwice) {
    const std::uint64_t first = from_environment("TRIVET_BGP_RIB_SEED", 1);
    const std::uint64_t seeds = from_environment("TRIVET_BGP_RIB_SEEDS", 40);
    const std::uint64_t steps = from_environment("TRIVET_BGP_RIB_STEPS", 120);
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        RandomPeering peering(seed);
        for (std::uint64_t step = 0; step < steps; ++step) {
            SCOPED_TRACE(fmt::format("seed {}, step {}", seed, step));
            peering.step();
            peering.check();
            if (testing::Test::HasFailure()) return;
        }
        SCOPED_TRACE(fmt::format("seed {}, drained", seed));
        peering.drain();
        peering.check();
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace trivet::announce::bgp
