#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"
#include "core/time.hpp"

namespace trivet::announce {

/// Who claims the addresses that stand by here: what is worth reporting, and whom to ask about. It
/// does not judge; whoever knows the committed owner does. No I/O. Not thread-safe; the engine owns
/// it.
class OwnerWatch {
public:
    /// An owner that goes on as before is reported this often at the most.
    static constexpr std::chrono::seconds repeat_interval{10};
    /// Changes of one address that are reported each second: two hosts in a conflict speak by
    /// turns, and a storm of forged frames must not become a storm of reports. A claimant whose
    /// change is left out is reported with its next frame.
    static constexpr unsigned changes_per_second = 4;
    /// An address is asked about when nothing was heard of it for so long, and no sooner than so
    /// long after the last question: as often as an owner refreshes its announcements.
    static constexpr std::chrono::seconds ask_interval{60};
    /// Of all addresses together: a broadcast each, and few beside the 80,000 of a take-over.
    /// 10,000 silent addresses are gone through within 9 minutes.
    static constexpr std::size_t questions_per_second = 20;

    /// Idempotent.
    void watch(IpAddress address) { watched_.try_emplace(address); }
    void forget(IpAddress address) { watched_.erase(address); }
    /// `mac` claims `address`. True: to be reported. Addresses that are not watched are not.
    bool on_claim(IpAddress address, MacAddress mac, Instant now);
    /// Those to be asked about now, at most questions_per_second; to be called once a second.
    [[nodiscard]] std::vector<IpAddress> take_questions(Instant now);

private:
    struct Watched {
        std::optional<MacAddress> reported;
        Instant reported_at{};
        Instant second_begin{};  // of the changes counted
        unsigned changes = 0;
        std::optional<Instant> heard_at;
        std::optional<Instant> asked_at;
    };

    static bool is_to_be_asked(const Watched& watched, Instant now);

    std::map<IpAddress, Watched> watched_;
    IpAddress asked_last_;  // the round goes on after it
};

}  // namespace trivet::announce
