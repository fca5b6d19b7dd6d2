// What our OPEN says, and what comes of the peer's (RFC 4271 section 6.2 and its extensions).
#include "announce/bgp/bgp_negotiation.hpp"

#include <gtest/gtest.h>

#include "announce/bgp/bgp_notification.hpp"
#include "tests/announce/bgp/session_script.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace std::chrono_literals;
using script::external_peer;
using script::internal_open;
using script::internal_peer;
using script::ipv6_peer;
using script::peer_open;

constexpr std::uint32_t our_identifier = 0x0a000001;

OpenMessage our_open(const BgpPeerSettings& settings, OpenTerms terms = {}) {
    terms.bgp_identifier = our_identifier;
    return make_open(settings, terms);
}

Result<Negotiated, OpenRefusal> agree(const BgpPeerSettings& settings, const OpenMessage& theirs) {
    return negotiate(settings, our_open(settings), theirs);
}

/// "2/7 010400010001", "agreed".
std::string outcome(const BgpPeerSettings& settings, const OpenMessage& theirs) {
    const auto agreed = agree(settings, theirs);
    if (agreed) return "agreed";
    EXPECT_FALSE(agreed.error().reason.empty());
    return script::sent_codes({SendBytes{1, encode(agreed.error().notification)}});
}

// --- OPEN validation, as a table -----------------------------------------------------------------

struct OpenCase {
    std::string_view name;
    void (*change)(BgpPeerSettings& settings, OpenMessage& theirs);
    std::string_view expected;
};

void say_as(OpenMessage& open, AsNumber as) {
    open.my_as = as;
    open.capabilities.four_octet_as = as;
}
void say_two_octet_as(OpenMessage& open, AsNumber as) {
    open.my_as = as;
    open.capabilities.four_octet_as.reset();
}
void expect_any(BgpPeerSettings& settings, DynamicAsn kind) {
    settings.peer_asn.reset();
    settings.dynamic_asn = kind;
}

constexpr AsNumber our_as{64512};
constexpr AsNumber great_as{4'200'000'001};

const OpenCase open_cases[] = {
    {"AsExpected", [](BgpPeerSettings&, OpenMessage&) {}, "agreed"},
    // RFC 4271 section 6.2: Bad Peer AS.
    {"OtherAs", [](BgpPeerSettings&, OpenMessage& theirs) { say_as(theirs, AsNumber{64514}); },
     "2/2"},
    {"OurOwnAsFromAnExternalPeer",
     [](BgpPeerSettings&, OpenMessage& theirs) { say_as(theirs, our_as); }, "2/2"},
    // RFC 6793 section 4.1: peers with two octets, and numbers that need four.
    {"TwoOctetPeer",
     [](BgpPeerSettings&, OpenMessage& theirs) { say_two_octet_as(theirs, AsNumber{64513}); },
     "agreed"},
    {"GreatAs",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.peer_asn = great_as;
         say_as(theirs, great_as);
     },
     "agreed"},
    {"GreatAsThatIsNotSaid",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.peer_asn = great_as;
         say_two_octet_as(theirs, as_trans);
     },
     "2/2"},
    // RFC 6793 section 9: AS_TRANS is nobody's number, whatever is configured.
    {"AsTransInTheCapability",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.peer_asn = as_trans;
         say_as(theirs, as_trans);
     },
     "2/2"},
    {"AsTransFromAnyExternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         expect_any(settings, DynamicAsn::external);
         say_two_octet_as(theirs, as_trans);
     },
     "2/2"},
    {"AnyExternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         expect_any(settings, DynamicAsn::external);
         say_as(theirs, great_as);
     },
     "agreed"},
    {"AnyExternalPeerIsNotOfOurAs",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         expect_any(settings, DynamicAsn::external);
         say_as(theirs, our_as);
     },
     "2/2"},
    {"AnyInternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         expect_any(settings, DynamicAsn::internal);
         say_as(theirs, our_as);
     },
     "agreed"},
    {"AnyInternalPeerIsOfOurAs",
     [](BgpPeerSettings& settings, OpenMessage&) { expect_any(settings, DynamicAsn::internal); },
     "2/2"},
    {"InternalTowardsWhatWeSayWeAre",
     [](BgpPeerSettings& settings, OpenMessage&) {
         expect_any(settings, DynamicAsn::internal);
         settings.local_asn = AsNumber{64513};
     },
     "agreed"},
    // RFC 6286 section 2.2: equal identifiers are wrong between internal peers alone.
    {"EqualIdentifierOfAnExternalPeer",
     [](BgpPeerSettings&, OpenMessage& theirs) { theirs.bgp_identifier = our_identifier; },
     "agreed"},
    {"EqualIdentifierOfAnInternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings = internal_peer();
         theirs = internal_open();
         theirs.bgp_identifier = our_identifier;
     },
     "2/3"},
    {"OtherIdentifierOfAnInternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings = internal_peer();
         theirs = internal_open();
     },
     "agreed"},
    // RFC 4760 section 8: no multiprotocol capability means IPv4 unicast.
    {"WithoutCapabilities", [](BgpPeerSettings&, OpenMessage& theirs) { theirs.capabilities = {}; },
     "agreed"},
    // RFC 5492 section 3 and 5: only what we cannot do without, and the data says what it is.
    {"Ipv4WhereIpv6IsRequired",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.ipv4 = false;
         theirs.capabilities.families = {ipv4_unicast};
     },
     "2/7 010400020001"},
    {"NothingWhereIpv6IsRequired",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.ipv4 = false;
         theirs.capabilities = {};
     },
     "2/7 010400020001"},
    {"Ipv6WhereIpv4IsRequired",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.ipv6 = false;
         theirs.capabilities.families = {ipv6_unicast};
     },
     "2/7 010400010001"},
    {"OtherFamiliesOnly",
     [](BgpPeerSettings&, OpenMessage& theirs) {
         theirs.capabilities.families = {AfiSafi{25, 70}};
     },
     "2/7 010400010001010400020001"},
    {"OneOfTwoFamilies",
     [](BgpPeerSettings&, OpenMessage& theirs) {
         theirs.capabilities.families = {ipv6_unicast, AfiSafi{25, 70}};
     },
     "agreed"},
    {"Ipv6OnlyWithoutMultiprotocolOfOurs",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.disable_mp = true;
         theirs.capabilities.families = {ipv6_unicast};
     },
     "2/7 010400010001"},
    // RFC 9234 section 4.2: a role that is not said is no mismatch.
    {"NoRoleOfThePeer",
     [](BgpPeerSettings& settings, OpenMessage&) { settings.role = BgpRole::customer; }, "agreed"},
    {"NoRoleOfOurs",
     [](BgpPeerSettings&, OpenMessage& theirs) { theirs.capabilities.role = BgpRole::peer; },
     "agreed"},
    {"UnknownRole",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         settings.role = BgpRole::peer;
         theirs.capabilities.role = static_cast<BgpRole>(5);
     },
     "2/11"},
    {"RolesOfAnInternalPeer",
     [](BgpPeerSettings& settings, OpenMessage& theirs) {
         expect_any(settings, DynamicAsn::internal);
         settings.role = BgpRole::peer;
         theirs = internal_open();
         theirs.capabilities.role = BgpRole::customer;
     },
     "agreed"},
};

class OpenValidation : public testing::TestWithParam<OpenCase> {};

TEST_P(OpenValidation, HasTheOutcomeOfTheRfc) {
    BgpPeerSettings settings = external_peer();
    OpenMessage theirs = peer_open();
    GetParam().change(settings, theirs);
    EXPECT_EQ(outcome(settings, theirs), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, OpenValidation, testing::ValuesIn(open_cases),
                         [](const auto& row) { return std::string(row.param.name); });

// RFC 9234 section 4.2, table 2: every pair of roles.
TEST(BgpNegotiation, RolesMustCorrespond) {
    for (std::uint8_t ours = 0; ours <= 4; ++ours) {
        for (std::uint8_t theirs = 0; theirs <= 4; ++theirs) {
            BgpPeerSettings settings = external_peer();
            settings.role = static_cast<BgpRole>(ours);
            OpenMessage open = peer_open();
            open.capabilities.role = static_cast<BgpRole>(theirs);
            const bool corresponds = (ours == 0 && theirs == 3) || (ours == 3 && theirs == 0) ||
                                     (ours == 1 && theirs == 2) || (ours == 2 && theirs == 1) ||
                                     (ours == 4 && theirs == 4);
            EXPECT_EQ(outcome(settings, open), corresponds ? "agreed" : "2/11")
                << unsigned{ours} << " " << unsigned{theirs};
        }
    }
}

// --- Hold time and keepalive time ----------------------------------------------------------------

// RFC 4271 section 4.2: "the smaller of its configured Hold Time and the Hold Time received".
TEST(BgpNegotiation, TheSmallerHoldTimeCounts) {
    OpenMessage theirs = peer_open();
    theirs.hold_time_s = 30;
    EXPECT_EQ(agree(external_peer(), theirs)->hold_time, 30s);
    theirs.hold_time_s = 600;
    EXPECT_EQ(agree(external_peer(), theirs)->hold_time, 90s);
    theirs.hold_time_s = 3;
    EXPECT_EQ(agree(external_peer(), theirs)->hold_time, 3s);
}

// RFC 4271 section 4.4: "If the negotiated Hold Time interval is zero, then periodic KEEPALIVE
// messages MUST NOT be sent".
TEST(BgpNegotiation, AHoldTimeOfZeroMeansNoKeepalives) {
    OpenMessage theirs = peer_open();
    theirs.hold_time_s = 0;
    EXPECT_EQ(agree(external_peer(), theirs)->hold_time, 0s);
    EXPECT_EQ(agree(external_peer(), theirs)->keepalive_time, 0s);

    BgpPeerSettings settings = external_peer();
    settings.hold_time = 0s;
    EXPECT_EQ(agree(settings, peer_open())->hold_time, 0s);
    EXPECT_EQ(agree(settings, peer_open())->keepalive_time, 0s);
}

struct KeepaliveCase {
    std::chrono::seconds hold_time;
    std::optional<std::chrono::seconds> keepalive_time;
    std::uint16_t offered_s;
    std::chrono::seconds expected;
};

TEST(BgpNegotiation, TheKeepaliveTimeFollowsTheHoldTime) {
    const KeepaliveCase cases[] = {
        {90s, std::nullopt, 90, 30s},  // RFC 4271 section 10: a third
        {90s, std::nullopt, 9, 3s},    //
        {90s, std::nullopt, 3, 1s},    //
        {90s, 10s, 90, 10s},           // as configured
        {90s, 10s, 180, 10s},          //
        {90s, 10s, 45, 5s},            // in proportion
        {90s, 60s, 9, 6s},             //
        {90s, 10s, 3, 1s},             // section 4.4: at most one a second
        {90s, 120s, 90, 89s},          // never as long as the hold time
        {90s, 0s, 90, 30s},            // none is configured
    };
    for (const KeepaliveCase& one : cases) {
        BgpPeerSettings settings = external_peer();
        settings.hold_time = one.hold_time;
        settings.keepalive_time = one.keepalive_time;
        OpenMessage theirs = peer_open();
        theirs.hold_time_s = one.offered_s;
        EXPECT_EQ(agree(settings, theirs)->keepalive_time, one.expected)
            << one.keepalive_time.value_or(-1s).count() << " of " << one.offered_s;
    }
}

// --- Capabilities --------------------------------------------------------------------------------

TEST(BgpNegotiation, OurOpenOffersWhatIsConfigured) {
    const OpenMessage open = our_open(external_peer());
    EXPECT_EQ(open.version, 4);
    EXPECT_EQ(open.my_as, our_as);
    EXPECT_EQ(open.hold_time_s, 90);
    EXPECT_EQ(open.bgp_identifier, our_identifier);
    Capabilities expected;
    expected.families = {ipv4_unicast, ipv6_unicast};
    expected.route_refresh = true;
    expected.enhanced_route_refresh = true;
    expected.extended_messages = true;
    expected.four_octet_as = our_as;
    EXPECT_EQ(open.capabilities, expected);
}

// RFC 5492 section 3: "without sending to the peer the Capabilities Optional Parameter".
TEST(BgpNegotiation, OurOpenCanDoWithoutCapabilities) {
    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    settings.role = BgpRole::customer;
    EXPECT_EQ(our_open(settings, {.with_capabilities = false}).capabilities, Capabilities{});
}

TEST(BgpNegotiation, LocalAsnIsWhatThePeerSees) {
    BgpPeerSettings settings = external_peer();
    settings.local_asn = great_as;
    const OpenMessage open = our_open(settings);
    EXPECT_EQ(open.my_as, great_as);
    EXPECT_EQ(open.capabilities.four_octet_as, great_as);
    EXPECT_EQ(agree(settings, peer_open())->local_as, great_as);
}

TEST(BgpNegotiation, DisableMpLeavesTheFamilyOfTheTransport) {
    BgpPeerSettings settings = external_peer();
    settings.disable_mp = true;
    EXPECT_TRUE(our_open(settings).capabilities.families.empty());
    EXPECT_EQ(agree(settings, peer_open())->codec.families, std::set{ipv4_unicast});

    // Without the capability IPv6 cannot be said at all (RFC 4760 section 8).
    settings = ipv6_peer();
    settings.disable_mp = true;
    EXPECT_EQ(our_open(settings).capabilities.families, std::set{ipv6_unicast});
    EXPECT_EQ(agree(settings, peer_open())->codec.families, std::set{ipv6_unicast});
}

TEST(BgpNegotiation, OnlyCommonFamiliesAreAgreedOn) {
    OpenMessage theirs = peer_open();
    theirs.capabilities.families = {ipv6_unicast, AfiSafi{1, 128}};
    EXPECT_EQ(agree(external_peer(), theirs)->codec.families, std::set{ipv6_unicast});
    theirs.capabilities.families = {};
    EXPECT_EQ(agree(external_peer(), theirs)->codec.families, std::set{ipv4_unicast});
}

// RFC 8950 section 4: only where both said it, and an IPv6 next hop is there to be given.
TEST(BgpNegotiation, Ipv6NextHopsForIpv4NeedBothSides) {
    EXPECT_TRUE(our_open(external_peer()).capabilities.extended_next_hop.empty());
    EXPECT_EQ(our_open(ipv6_peer()).capabilities.extended_next_hop, std::set{ipv4_unicast});
    OpenMessage theirs = peer_open();
    EXPECT_TRUE(agree(ipv6_peer(), theirs)->codec.extended_next_hop.empty());
    theirs.capabilities.extended_next_hop = {ipv4_unicast};
    EXPECT_EQ(agree(ipv6_peer(), theirs)->codec.extended_next_hop, std::set{ipv4_unicast});
    EXPECT_TRUE(agree(external_peer(), theirs)->codec.extended_next_hop.empty());

    BgpPeerSettings unnumbered = external_peer();
    unnumbered.peer_address.reset();
    unnumbered.unnumbered_interface = "eth0";
    EXPECT_EQ(agree(unnumbered, theirs)->codec.extended_next_hop, std::set{ipv4_unicast});
}

TEST(BgpNegotiation, EachCapabilityNeedsBothSides) {
    const Negotiated all = *agree(external_peer(), peer_open());
    EXPECT_TRUE(all.codec.extended_messages);
    EXPECT_TRUE(all.codec.four_octet_as);
    EXPECT_TRUE(all.codec.enhanced_route_refresh);
    EXPECT_TRUE(all.codec.is_external);
    EXPECT_TRUE(all.route_refresh);

    OpenMessage bare = peer_open();
    bare.capabilities = {};
    const Negotiated none = *agree(external_peer(), bare);
    EXPECT_FALSE(none.codec.extended_messages);  // RFC 8654 section 4
    EXPECT_FALSE(none.codec.four_octet_as);      // RFC 6793 section 4
    EXPECT_FALSE(none.codec.enhanced_route_refresh);
    EXPECT_FALSE(none.route_refresh);
    EXPECT_FALSE(agree(internal_peer(), internal_open())->codec.is_external);
}

// RFC 9234 section 4.1: "the eBGP speaker MUST advertise the BGP Role Capability".
TEST(BgpNegotiation, ARoleIsForExternalPeers) {
    BgpPeerSettings settings = external_peer();
    settings.role = BgpRole::customer;
    EXPECT_EQ(our_open(settings).capabilities.role, BgpRole::customer);
    settings.peer_asn = our_as;
    EXPECT_EQ(our_open(settings).capabilities.role, std::nullopt);
}

// RFC 4724 section 3, RFC 8538 section 2.
TEST(BgpNegotiation, GracefulRestartSaysWhatIsKept) {
    BgpPeerSettings settings = external_peer();
    EXPECT_FALSE(our_open(settings).capabilities.graceful_restart);
    settings.graceful_restart = true;
    settings.restart_time = 300s;
    const OpenMessage open =
        our_open(settings, {.restarting = true, .forwarding_kept = {{ipv4_unicast, true}}});
    GracefulRestart expected;
    expected.restarting = true;
    expected.notification = true;
    expected.restart_time_s = 300;
    expected.forwarding = {{ipv4_unicast, true}, {ipv6_unicast, false}};
    EXPECT_EQ(open.capabilities.graceful_restart, expected);

    settings.restart_time = 5000s;  // twelve bits
    EXPECT_EQ(our_open(settings).capabilities.graceful_restart->restart_time_s, 4095);
}

// RFC 8538 section 4: only a peer that has said the N bit keeps routes over a NOTIFICATION.
TEST(BgpNegotiation, GracefulNotificationNeedsBothNBits) {
    OpenMessage theirs = peer_open();
    theirs.capabilities.graceful_restart = script::peer_restart();
    EXPECT_FALSE(agree(external_peer(), theirs)->graceful_notification);
    EXPECT_FALSE(agree(external_peer(), theirs)->peer_graceful_restart);

    BgpPeerSettings settings = external_peer();
    settings.graceful_restart = true;
    EXPECT_TRUE(agree(settings, theirs)->graceful_notification);
    theirs.capabilities.graceful_restart->notification = false;
    EXPECT_FALSE(agree(settings, theirs)->graceful_notification);
    EXPECT_EQ(agree(settings, theirs)->peer_graceful_restart, theirs.capabilities.graceful_restart);
}

TEST(BgpNegotiation, RefusalsSayWhatIsWrong) {
    OpenMessage theirs = peer_open();
    say_as(theirs, AsNumber{64514});
    EXPECT_EQ(agree(external_peer(), theirs).error().reason,
              "the peer says that it is AS 64514; AS 64513 is configured");
    BgpPeerSettings settings = external_peer();
    settings.ipv4 = false;
    theirs = peer_open();
    theirs.capabilities = {};
    EXPECT_EQ(agree(settings, theirs).error().reason, "the peer does not speak IPv6 unicast");
}

}  // namespace
}  // namespace trivet::announce::bgp
