#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "announce/bfd/bfd_session.hpp"
#include "core/ip_address.hpp"

namespace trivet::announce::bfd {

enum class Channel : std::uint8_t { control, multihop, echo };  // ports 3784, 4784, 3785

/// One UDP packet that arrived.
struct Datagram {
    std::span<const std::byte> payload = {};
    Channel channel = Channel::control;
    IpAddress source = {};
    IpAddress destination = {};
    std::uint32_t interface = 0;  // where it came in
    std::uint8_t hop_limit = 0;
};

/// All sessions of one node, and which of them a packet is for (RFC 5880 sections 6.3 and 6.8.6,
/// RFC 5881 section 3, RFC 5883 section 4), without sockets or timers. Not thread-safe.
class BfdTable {
public:
    using Id = std::uint32_t;  // of a session; used again after erase()

    struct Place {
        std::optional<IpAddress> local = {};
        IpAddress remote = {};
        std::uint32_t interface = 0;  // 0: any
        bool multihop = false;
    };
    /// To be performed in order, for one session.
    struct Outcome {
        Id id = 0;
        BfdActions actions = {};
    };
    /// The payload goes back to where it came from, with the hop limit that a router would leave.
    struct ReturnEcho {
        Id id = 0;
        std::uint8_t hop_limit = 254;
    };
    using EchoOutcome = std::variant<std::monostate, Outcome, ReturnEcho>;
    struct Counters {
        std::uint64_t received = 0;
        std::array<std::uint64_t, discards> discarded{};  // before a session was found, by Discard
        std::uint64_t echo_discarded = 0;
    };

    /// Precondition: nobody has config.local_discriminator.
    Id add(const Place& place, BfdSession::Config config);
    void erase(Id id);
    /// From here on only packets with its discriminator are for it: it says farewell, and another
    /// session may be in its place.
    void retire(Id id) { entries_.at(id).is_retired = true; }
    void set_interface(Id id, std::uint32_t interface) {
        entries_.at(id).place.interface = interface;
    }
    bool has_discriminator(std::uint32_t discriminator) const {
        return by_discriminator_.contains(discriminator);
    }
    BfdSession& session(Id id) { return *entries_.at(id).session; }
    const BfdSession& session(Id id) const { return *entries_.at(id).session; }

    /// nullopt: it is for no session, and counted.
    [[nodiscard]] std::optional<Outcome> on_control(const Datagram& datagram, Instant now);
    [[nodiscard]] EchoOutcome on_echo(const Datagram& datagram, Instant now);
    /// An echo packet that a neighbour has addressed to itself (RFC 5881 section 4): for which
    /// session it is to be returned.
    [[nodiscard]] std::optional<Id> on_echo_to_itself(const Datagram& datagram, Instant now);
    /// Precondition: all that has arrived was handed over (see BfdSession).
    template <class Perform>
    void on_timer(Instant now, Perform&& perform) {
        for (Id id = 0; id < entries_.size(); ++id) {
            if (!entries_[id].session) continue;
            const auto deadline = entries_[id].session->next_deadline();
            if (deadline && *deadline <= now) perform(id, entries_[id].session->on_timer(now));
        }
    }
    std::optional<Instant> next_deadline() const;
    const Counters& counters() const { return counters_; }

private:
    struct Entry {
        Place place;
        bool is_retired = false;
        std::unique_ptr<BfdSession> session;  // null: free
    };
    std::optional<Id> find(const Datagram& datagram, const ControlPacket& packet) const;
    std::optional<Id> find_neighbour(const Datagram& datagram, bool multihop) const;

    std::vector<Entry> entries_;
    std::unordered_map<std::uint32_t, Id> by_discriminator_;
    Counters counters_;
};

}  // namespace trivet::announce::bfd
