#include "announce/prefix_cover.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

/// Number of leading bits that two different addresses of one family share.
int common_length(IpAddress left, IpAddress right) {
    const int unused_bits = 128 - left.bits();  // an IPv4 address fills the last four bytes
    for (std::size_t i = 0; i < 16; ++i) {
        const auto difference = static_cast<std::uint8_t>(left.bytes()[i] ^ right.bytes()[i]);
        if (difference != 0)
            return static_cast<int>(i) * 8 + std::countl_zero(difference) - unused_bits;
    }
    return left.bits();
}

/// The smallest set of blocks that holds exactly `addresses`, by joining full siblings.
std::vector<Prefix> exact_blocks(const std::set<IpAddress>& addresses) {
    std::vector<Prefix> blocks;
    for (const IpAddress address : addresses) {
        blocks.push_back(Prefix::host(address));
        while (blocks.size() >= 2) {
            const Prefix& left = blocks[blocks.size() - 2];
            const Prefix& right = blocks.back();
            const int length = right.length();
            if (left.length() != length ||
                common_length(left.address(), right.address()) + 1 != length)
                break;
            const Prefix parent = Prefix::containing(left.address(), length - 1);
            blocks.pop_back();
            blocks.back() = parent;
        }
    }
    return blocks;
}

}  // namespace

std::vector<Prefix> covering_prefixes(const std::set<IpAddress>& addresses, std::size_t max_count) {
    TRIVET_ASSERT(max_count >= 1);
    std::vector<Prefix> blocks = exact_blocks(addresses);
    if (blocks.size() <= max_count) return blocks;

    // Two neighbours can only be joined into the block of their common bits. The more bits they
    // share, the smaller that block, so the boundaries with the longest common part go first. In a
    // binary tree such a join never swallows a third block that was not to be joined.
    std::vector<int> shared(blocks.size() - 1);
    for (std::size_t i = 0; i < shared.size(); ++i)
        shared[i] = common_length(blocks[i].address(), blocks[i + 1].address());
    std::vector<std::size_t> order(shared.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order,
                             [&](std::size_t a, std::size_t b) { return shared[a] > shared[b]; });
    std::vector<bool> joined(shared.size(), false);
    for (std::size_t i = 0; i < blocks.size() - max_count; ++i) joined[order[i]] = true;

    std::vector<Prefix> cover{blocks.front()};
    for (std::size_t i = 0; i < shared.size(); ++i) {
        if (!joined[i])
            cover.push_back(blocks[i + 1]);
        else
            cover.back() = Prefix::containing(cover.back().address(),
                                              std::min(cover.back().length(), shared[i]));
    }
    return cover;
}

}  // namespace trivet::announce
