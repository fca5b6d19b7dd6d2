#pragma once
#include <compare>
#include <cstdint>

namespace trivet {

/// An integer that cannot be mixed with other integers of the same width.
template <class Tag, class Rep>
class Strong {
public:
    constexpr Strong() = default;
    constexpr explicit Strong(Rep value) : value_(value) {}
    constexpr Rep value() const { return value_; }
    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

private:
    Rep value_{};
};

using Term = Strong<struct TermTag, std::uint64_t>;          // Raft paper, figure 2
using LogIndex = Strong<struct LogIndexTag, std::uint64_t>;  // 1 is the first entry; 0 is "none"
using Epoch = Strong<struct EpochTag, std::uint64_t>;        // grows when a node is fenced
/// One life of one data directory: drawn at random when the directory is made. 0 is "nobody".
using NodeId = Strong<struct NodeIdTag, std::uint64_t>;

}  // namespace trivet
