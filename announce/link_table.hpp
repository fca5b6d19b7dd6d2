#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "announce/l2_session.hpp"
#include "announce/link_event.hpp"
#include "core/objects.hpp"

namespace trivet::announce {

/// Something about one interface that its sessions must hear.
struct LinkChange {
    LinkIndex index = 0;
    std::string name;
    std::optional<LinkState> state;  // nullopt: gone, or not suitable any more
    bool reannounce = false;         // a bond failed over: switches must learn the new port
};

/// One interface as somebody who chooses among them needs it.
struct LinkFacts {
    LinkIndex index = 0;
    std::string name;
    std::string unsuitable;  // why it is never used, as "is a port of a bridge"; empty: suitable
    std::string down;        // why it cannot be used now; empty: it can
    std::vector<Prefix> subnets;  // of its own addresses, only when it is suitable
};

/// The machine's interfaces and their addresses, and which of them suit layer-2 announcements:
/// Ethernet, with a MAC, no loopback, no port of a bridge, bond or team, and on the configured list
/// when there is one. Events in, changes out. Not thread-safe; its monitor's thread owns it.
class LinkTable {
public:
    struct Config {
        std::vector<std::string> only;  // interfaces that may be used; empty: all
        std::uint8_t own_protocol = 0;  // marks the addresses that we made ourselves (IFA_PROTO)
    };
    explicit LinkTable(Config config) : config_(std::move(config)) {}

    void on_event(const LinkEvent& event);
    void set_only(std::vector<std::string> only) { config_.only = std::move(only); }
    /// Between these two calls comes everything there is; what did not come is gone.
    void begin_resync() { ++round_; }
    void end_resync();

    /// What changed since the last call. An interface that went down and came up again in between
    /// is to be announced on again.
    [[nodiscard]] std::vector<LinkChange> take_changes();

    std::vector<LinkFacts> facts() const;
    /// Those that can be used now, but for `except`, by name. Subnets that every link has
    /// (link-local ones) tell nothing and are left out.
    std::vector<NodeInterface> usable(const std::set<LinkIndex>& except) const;
    /// Addresses of all interfaces, with the interface's name, except those that we made.
    std::multimap<IpAddress, std::string> foreign_addresses() const;
    /// Grows whenever foreign_addresses() may have changed.
    std::uint64_t foreign_revision() const { return foreign_revision_; }

private:
    struct Address {
        std::uint8_t protocol = 0;
        std::uint64_t round = 0;  // the resync that saw it last
    };
    struct Link {
        LinkSeen seen;  // index 0: only its addresses are known yet
        std::uint64_t round = 0;
        bool forwarding = false;
        std::map<std::pair<IpAddress, Prefix>, Address> addresses;
        std::optional<LinkState> told;  // what the last change said
        std::string told_name;
        bool reannounce = false;
    };

    void take(const LinkSeen& seen);
    void take(const LinkGone& gone);
    void take(const AddressSeen& seen);
    void take(const AddressGone& gone);
    void take(const ForwardingSeen& seen);
    std::string why_unsuitable(const Link& link) const;
    std::optional<LinkState> state_of(const Link& link) const;

    Config config_;
    std::map<LinkIndex, Link> links_;
    std::vector<LinkChange> gone_;
    std::uint64_t round_ = 0;
    std::uint64_t foreign_revision_ = 0;
};

}  // namespace trivet::announce
