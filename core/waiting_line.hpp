#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/allocator.hpp"

namespace trivet {

/// The VIPs that lack addresses, oldest first, grouped so that 10,000 of them cost little: VIPs
/// that can use the same addresses form a class, and when its oldest member cannot be served,
/// none of it can. A value type; ClusterState owns it.
class WaitingLine {
public:
    /// What a VIP waits for, so far as it tells whether an address can serve it.
    struct Class {
        std::vector<std::string> pools;  // whose free addresses it can use, in order
        std::vector<IpFamily> families;  // empty: any
        std::uint8_t how = 0;            // policies that choose differently differ here
        std::string sharing;             // its terms, while addresses are held with its sharing key
        VipId alone = 0;                 // its own id when it is unlike all others
        friend auto operator<=>(const Class&, const Class&) = default;
    };
    struct Wait {
        Class group;
        std::vector<IpAddress> addresses;  // wanted by name
        std::string sharing_key;
    };

    void enter(VipId id, Wait wait);  // replaces an earlier wait
    void leave(VipId id);
    bool contains(VipId id) const { return waits_.contains(id); }
    std::vector<VipId> all() const;
    /// VIPs with this sharing key that entered while no address was held with it: they must enter
    /// anew when one is.
    std::vector<VipId> without_share(const std::string& sharing_key) const;
    /// Calls `visit(pool, families)` for what somebody waits for.
    template <class Visit>
    void visit_pools(Visit visit) const {
        for (const auto& [pool, classes] : classes_of_pool_)
            for (const std::uint64_t number : classes)
                visit(pool, classes_.at(number).group.families);
    }

    /// One pass after something became free.
    class Round {
        friend class WaitingLine;
        void put(std::uint64_t number, VipId head);
        void drop(std::uint64_t number);

        std::set<VipId> single_;
        std::set<std::pair<VipId, std::uint64_t>> heads_;  // oldest member left, class
        std::map<std::uint64_t, VipId> head_of_;           // the same by class
    };
    void add(Round& round, const Allocator::Gains& gains) const;
    /// The oldest VIP to try now; nullopt when the round is over.
    std::optional<VipId> next(Round& round) const;
    /// `id` could not be served: the rest of its class is not tried in this round.
    void give_up(Round& round, VipId id) const;

private:
    struct Members {
        Class group;
        std::set<VipId> vips;
    };
    struct Entry {
        std::uint64_t number = 0;
        Wait wait;
    };

    static bool is_without_share(const Wait& wait) {
        return !wait.sharing_key.empty() && wait.group.sharing.empty();
    }

    std::map<VipId, Entry> waits_;
    std::map<Class, std::uint64_t> number_of_;
    std::map<std::uint64_t, Members> classes_;
    std::map<std::string, std::set<std::uint64_t>> classes_of_pool_;
    std::map<std::string, std::set<std::uint64_t>> classes_of_key_;  // those that have `sharing`
    std::map<std::string, std::set<VipId>> without_share_;           // by sharing key
    std::map<IpAddress, std::set<VipId>> by_address_;
    std::uint64_t next_number_ = 1;  // only names classes: no result depends on it
};

}  // namespace trivet
