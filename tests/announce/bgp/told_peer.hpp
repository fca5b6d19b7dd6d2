#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "announce/bgp/bgp_session.hpp"
#include "announce/bgp/bgp_update_encode.hpp"
#include "tests/announce/bgp/update_reader.hpp"

namespace trivet::announce::bgp::update_test {

/// A session as the tests set it up.
struct SessionCase {
    Negotiated negotiated;
    NextHops next_hops;
    std::optional<BgpRole> our_role = {};

    std::size_t message_size_max() const {
        return negotiated.codec.extended_messages ? 65535 : 4096;
    }
};
/// AS 64512 to an external peer, both families, with the next hops 192.0.2.1 and 2001:db8::1.
SessionCase external_session();

/// A route as the peer has it.
struct Path {
    Bytes next_hop;
    std::vector<ReadAttribute> attributes;
    bool operator==(const Path&) const = default;
};
using PeerTable = std::map<Prefix, Path>;

/// What the peer ought to have of these routes, written from the RFCs and not from the code. Routes
/// of families that the session has not, or has no next hop for, are not there.
PeerTable expected_table(const BgpRoutes& routes, const SessionCase& session);

/// The other end of a session: applies messages, and notes whatever ought not to have been sent.
class ToldPeer {
public:
    explicit ToldPeer(std::size_t message_size_max = 4096) : message_size_max_(message_size_max) {}

    void apply(std::span<const std::byte> bytes);
    /// Routes of which nothing is new may come, until told otherwise.
    void tolerate_again(bool tolerated) { tolerates_again_ = tolerated; }
    /// What the sender shall reach; from here withdrawals are to come before announcements.
    void expect(PeerTable target);

    const PeerTable& table() const { return table_; }
    const std::vector<AfiSafi>& ends_of_rib() const { return ends_of_rib_; }
    const std::vector<std::string>& refreshes() const { return refreshes_; }  // "BoRR 1", "EoRR 2"
    const std::vector<std::string>& complaints() const { return complaints_; }

private:
    void apply(const ReadUpdate& update);
    void apply(const ReadRefresh& refresh);
    void withdraw(const Prefix& prefix);
    void announce(const Prefix& prefix, Path path);
    void complain(const std::string& about, const Prefix& prefix);

    std::size_t message_size_max_;
    bool tolerates_again_ = false;
    PeerTable table_;
    PeerTable target_;
    std::vector<Prefix> new_here_;               // announced since expect(), and unknown before
    bool has_announcement_ = false;              // since expect()
    std::map<AfiSafi, std::set<Prefix>> stale_;  // families between BoRR and EoRR
    std::vector<AfiSafi> ends_of_rib_;
    std::vector<std::string> refreshes_;
    std::vector<std::string> complaints_;
};

Prefix prefix(std::string_view text);
IpAddress address(std::string_view text);
/// Routes sorted by prefix, each with the attribute set of the number beside it.
std::shared_ptr<const BgpRoutes> routes(std::vector<BgpAttributes> attributes,
                                        std::map<std::string, std::uint32_t> set_of_prefix);

}  // namespace trivet::announce::bgp::update_test
