#include "core/raft/boot_history.hpp"

#include <limits>

#include "core/raft/bytes.hpp"

namespace trivet::raft {

void BootHistory::append(std::uint64_t nonce) {
    nonces_.push_back(nonce);
    if (nonces_.size() <= boots_max) return;
    nonces_.erase(nonces_.begin());
    ++oldest_number_;
}

std::optional<Boot> BootHistory::newest() const {
    if (nonces_.empty()) return std::nullopt;
    return Boot{oldest_number_ + nonces_.size() - 1, nonces_.back()};
}

bool BootHistory::contains(Boot boot) const {
    if (boot.number < oldest_number_) return false;
    const std::uint64_t place = boot.number - oldest_number_;
    return place < nonces_.size() && nonces_[place] == boot.nonce;
}

bool descends_from(const BootHistory& history, Boot last_seen) {
    return last_seen.number < history.oldest_number() || history.contains(last_seen);
}

std::string encode(const BootHistory& history) {
    ByteWriter writer;
    writer.number(history.oldest_number_);
    writer.number(static_cast<std::uint16_t>(history.nonces_.size()));
    for (const std::uint64_t nonce : history.nonces_) writer.number(nonce);
    return writer.take();
}

Result<BootHistory> decode_boot_history(std::string_view bytes) {
    ByteReader reader(bytes);
    BootHistory history;
    history.oldest_number_ = reader.number<std::uint64_t>();
    const auto count = reader.number<std::uint16_t>();
    // Only a full list has dropped one.
    const bool is_possible =
        count <= BootHistory::boots_max &&
        (history.oldest_number_ == 1 ||
         (count == BootHistory::boots_max && history.oldest_number_ > 1 &&
          history.oldest_number_ < std::numeric_limits<std::uint64_t>::max() - count));
    if (!is_possible) reader.reject();
    for (std::uint16_t i = 0; i < count && reader.ok(); ++i)
        history.nonces_.push_back(reader.number<std::uint64_t>());
    if (!reader.complete())
        return fail(ErrorCode::invalid_argument, "these bytes are no history of a node's starts");
    return history;
}

}  // namespace trivet::raft
