#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace trivet {

/// What a node tells of its BGP sessions. A value type.
struct BgpSessions {
    static constexpr std::size_t peers_max = 4096;

    /// The bgp-peers with which one is established; of a dynamic one, with any neighbour.
    std::set<std::string> established = {};
    /// It is drained, and its peers have been told that its routes are gone.
    bool withdrawn = false;

    bool empty() const { return established.empty() && !withdrawn; }
    bool operator==(const BgpSessions&) const = default;
};

/// A part of the replicated state: which nodes hold which BGP sessions, as they say, so that every
/// node can tell who announces what. Nodes that have said nothing are not in it. A value type.
class BgpSessionTable {
public:
    using Changed = std::set<std::string>;  // row keys

    /// Takes the place of what the node said before.
    void report(const std::string& node, BgpSessions sessions, Changed& changed);
    void forget(const std::string& node, Changed& changed);

    /// Empty for a node that has said nothing.
    const BgpSessions& of(const std::string& node) const;
    const std::map<std::string, BgpSessions>& all() const { return all_; }

    static bool has_row(std::string_view key) { return key.starts_with("bgp-sessions/"); }
    std::optional<std::string> row(const std::string& key) const;
    std::vector<std::string> row_keys() const;
    /// Errors: corrupt.
    Result<void> restore(const std::string& key, std::string_view row);

private:
    std::map<std::string, BgpSessions> all_;
};

}  // namespace trivet
