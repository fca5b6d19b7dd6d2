#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace trivet::raft {

/// One start of a node on its data directory.
struct Boot {
    std::uint64_t number = 0;  // the first is 1; 0 is "none"
    std::uint64_t nonce = 0;   // drawn at random at that start

    friend bool operator==(const Boot&, const Boot&) = default;
};

/// The newest starts of a node, kept in its own file. An old copy of the file lacks the starts that
/// others have seen since, so that they can tell it from the node itself: it has forgotten votes
/// and entries that it acknowledged. A value type.
class BootHistory {
public:
    static constexpr std::size_t boots_max = 256;  // 4 KiB on disk

    void append(std::uint64_t nonce);
    std::optional<Boot> newest() const;
    /// Numbers from here on are in the history; 1 when nothing was dropped yet.
    std::uint64_t oldest_number() const { return oldest_number_; }
    bool contains(Boot boot) const;

    friend bool operator==(const BootHistory&, const BootHistory&) = default;

private:
    friend std::string encode(const BootHistory& history);
    friend Result<BootHistory> decode_boot_history(std::string_view bytes);

    std::uint64_t oldest_number_ = 1;
    std::vector<std::uint64_t> nonces_;  // numbers follow each other
};

/// Has this file known the start that was last seen? One older than all that is kept is taken for
/// known: whoever asks was away for that long.
bool descends_from(const BootHistory& history, Boot last_seen);

std::string encode(const BootHistory& history);
/// Errors: invalid_argument, for whatever encode() cannot have written.
Result<BootHistory> decode_boot_history(std::string_view bytes);

}  // namespace trivet::raft
