// What a client may send as a body, and what stands in the log: no crash, and what decodes encodes
// to the same meaning.
#include <cstdint>
#include <string_view>

#include "core/assert.hpp"
#include "core/cluster_state.hpp"
#include "core/object_json.hpp"

namespace {

using namespace trivet;

void check_object(Kind kind, const nlohmann::json& body) {
    const auto object = object_from_json(kind, body);
    if (!object) return;
    const nlohmann::json written = to_json(*object);
    const auto parsed = parse_json(written.dump());
    TRIVET_ASSERT(parsed && *parsed == written);
    const auto again = object_from_json(kind, *parsed);
    TRIVET_ASSERT(again && *again == *object);
}

void check_command(std::string_view text) {
    const auto command = decode_command(text);
    if (!command) return;
    const std::string encoded = encode(*command);
    const auto again = decode_command(encoded);
    TRIVET_ASSERT(again && encode(*again) == encoded);
    // Whatever decodes can be applied, and its rows restored.
    ClusterState state;
    const Applied applied = state.apply(LogIndex(1), *command);
    std::vector<StateRow> rows;
    for (const std::string& key : applied.changed)
        if (auto row = state.row(key)) rows.push_back({key, *row});
    TRIVET_ASSERT(ClusterState::restore(rows, LogIndex(1)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_command(text);
    const auto body = parse_json(text);
    if (!body) return 0;
    for (const Kind kind :
         {Kind::pool, Kind::vip, Kind::l2_advertisement, Kind::bgp_advertisement, Kind::bgp_peer,
          Kind::bfd_profile, Kind::community, Kind::name_space, Kind::node})
        check_object(kind, *body);
    return 0;
}
