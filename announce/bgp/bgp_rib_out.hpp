#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "announce/bgp/bgp_family_rib.hpp"
#include "announce/bgp/bgp_held_back.hpp"
#include "announce/bgp/bgp_session.hpp"
#include "announce/bgp/bgp_update_encode.hpp"
#include "core/bgp_plan.hpp"

namespace trivet::announce::bgp {

/// Adj-RIB-Out of one peer (RFC 4271 section 3.2): what it shall know, what it has been told, and
/// the UPDATE messages in between. Sends differences only, packed, withdrawals first; at the end of
/// the first exchange of each family its End-of-RIB (RFC 4724 section 2).
///
/// take_updates() is called when the transport can take more, so that a slow peer costs no memory.
/// Not thread-safe: its session's strand owns it.
class RibOut {
public:
    RibOut();

    /// What the peer shall know; not null. Cheap: the difference is computed when UPDATEs are
    /// taken. Nothing is said, End-of-RIB neither, before this was called once.
    void set_routes(std::shared_ptr<const BgpRoutes> routes);
    /// A session was established: the peer knows nothing of us yet. `our_role` is the one that was
    /// configured, whether or not the peer told of its own (RFC 9234 section 4.2).
    void on_up(const Negotiated& negotiated, const NextHops& next_hops,
               std::optional<BgpRole> our_role);
    /// Routes are announced again, withdrawn or no longer held back as their next hop demands.
    void set_next_hops(const NextHops& next_hops);
    void on_down();
    /// Everything of a family again, between BoRR and EoRR where agreed (RFC 7313), and after the
    /// first exchange, for before its End-of-RIB the peer would not listen (section 4).
    void refresh(AfiSafi family);

    /// Whole messages, at least one if there is anything to say, and else not more than
    /// `bytes_max`.
    [[nodiscard]] std::vector<std::byte> take_updates(std::size_t bytes_max);
    /// Also true when routes were set, and it is not known yet whether they differ.
    bool has_work() const;

    struct Counters {  // of all sessions with this peer
        std::uint64_t updates_sent = 0, announced = 0, withdrawn = 0, bytes_sent = 0;
        bool operator==(const Counters&) const = default;
    };
    const Counters& counters() const { return counters_; }
    /// Routes that the peer has been told and not told to forget, by family.
    std::size_t advertised(AfiSafi family) const;
    bool is_advertised(const Prefix& prefix) const { return told(prefix) != nullptr; }
    /// The attributes that the peer was told for a prefix, null: none. Valid until the next change.
    const BgpAttributes* told(const Prefix& prefix) const;
    /// What the peer was told, by prefix: up to `count_max` routes that sort behind `after`.
    std::vector<ToldRoute> told_routes(const std::optional<Prefix>& after,
                                       std::size_t count_max) const;

    /// Routes of a family that the peer shall know and this session cannot send. None while down.
    HeldBack held_back(AfiSafi family) const;
    HeldBackCause held_back_cause(const Prefix& prefix) const;

private:
    struct Session {
        UpdateSettings settings;
        CodecOptions codec;
    };
    struct Family {
        AfiSafi family;
        IpFamily addresses = IpFamily::ipv4;
        std::optional<UpdateEncoder> encoder = {};  // negotiated in this session
        FamilyRib rib = {};
        bool end_of_rib_due = false;
        bool refresh_wanted = false;
        bool is_refreshing = false;
    };

    const Family* find(AfiSafi family) const;
    const Family& of(const Prefix& prefix) const;
    void adopt_routes();
    bool append_next(std::vector<std::byte>& out);
    void append_withdrawal(Family& family, std::vector<std::byte>& out);
    void append_announcement(Family& family, std::vector<std::byte>& out);
    bool begin_refresh(Family& family, std::vector<std::byte>& out) const;
    bool end_exchange(Family& family, std::vector<std::byte>& out);

    std::shared_ptr<const BgpRoutes> routes_;  // null: never set
    bool routes_changed_ = false;              // or how they are to be sent
    std::optional<Session> session_;
    std::array<Family, 2> families_;
    Counters counters_;
};

}  // namespace trivet::announce::bgp
