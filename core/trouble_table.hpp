#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ip_address.hpp"
#include "core/link_address.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace trivet {

enum class TroubleKind : std::uint8_t {
    conflict,       // a machine that is no node of the cluster uses the address
    not_announced,  // its owner cannot announce it
};
inline constexpr std::array trouble_words = {
    std::pair{"conflict", TroubleKind::conflict},
    std::pair{"not_announced", TroubleKind::not_announced}};
std::string_view to_string(TroubleKind kind);

/// What a node finds wrong with an address, until it says that this is over.
struct Trouble {
    static constexpr std::size_t message_bytes_max = 1024;

    TroubleKind kind = TroubleKind::conflict;
    std::optional<MacAddress> mac = {};  // of the other machine
    std::string message = {};            // for people: what is wrong, and what to do about it
    WallTime since{};

    /// The same but for its beginning.
    bool tells_as(const Trouble& other) const {
        return kind == other.kind && mac == other.mac && message == other.message;
    }
};

/// A part of the replicated state: what nodes find wrong with addresses, so that every node can
/// tell of it. Addresses without trouble are not in it. A value type.
class TroubleTable {
public:
    using Changed = std::set<std::string>;           // row keys
    using Reports = std::map<std::string, Trouble>;  // by the node that tells

    /// nullopt: it is over. Gives what was there before.
    std::optional<Trouble> report(IpAddress address, const std::string& node,
                                  std::optional<Trouble> trouble, Changed& changed);
    void forget(IpAddress address, Changed& changed);
    void forget_node(const std::string& node, Changed& changed);

    const std::map<IpAddress, Reports>& all() const { return all_; }
    const Reports* find(IpAddress address) const;

    static bool has_row(std::string_view key) { return key.starts_with("trouble/"); }
    std::optional<std::string> row(const std::string& key) const;
    std::vector<std::string> row_keys() const;
    /// Errors: corrupt.
    Result<void> restore(const std::string& key, std::string_view row);

private:
    std::map<IpAddress, Reports> all_;
};

}  // namespace trivet
