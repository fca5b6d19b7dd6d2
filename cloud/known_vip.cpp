#include "cloud/known_vip.hpp"

#include <array>

#include "cloud/json_reader.hpp"
#include "cloud/kube_words.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

using Phase = KnownVip::Phase;

constexpr std::array phase_words{
    std::pair{"pending", Phase::pending}, std::pair{"assigned", Phase::assigned},
    std::pair{"announced", Phase::announced}, std::pair{"conflict", Phase::conflict}};
constexpr std::size_t addresses_max = 64;

void read_status(JsonReader& status, KnownVip& known) {
    known.phase = read_word(status, "phase", phase_words).value_or(Phase::pending);
    status.text("reason", known.reason);
    status.text("owner", known.owner);
    std::vector<std::string> texts;
    status.texts("addresses", texts, addresses_max);
    for (const std::string& text : texts) {
        const auto address = IpAddress::parse(text);
        if (!address) return status.refuse("addresses", "'" + text + "' is no IP address");
        known.addresses.push_back(*address);
    }
}

/// Without the fields that a newer lbd has and we do not know, which the strict reader would
/// refuse.
Result<Object> read_known_fields(const json& object) {
    static const json written = to_json(Object(Vip{}));
    const auto is_known = [](const std::string& name) {
        return written.contains(name) || name == "kind" || name == "status" || name == "revision";
    };
    std::vector<std::string> unknown;
    if (object.is_object())
        for (const auto& [name, value] : object.items())
            if (!is_known(name)) unknown.push_back(name);
    if (unknown.empty()) return object_from_json(Kind::vip, object);
    json known = object;
    for (const std::string& name : unknown) known.erase(name);
    return object_from_json(Kind::vip, known);
}

}  // namespace

Result<KnownVip> read_known_vip(const json& object) {
    auto read = read_known_fields(object);
    if (!read) return fail(read.error());
    KnownVip known;
    known.vip = std::get<Vip>(std::move(*read));
    JsonReader whole(object);
    whole.integer("revision", known.revision, std::uint64_t{0}, UINT64_MAX);
    whole.object("status", [&known](JsonReader& status) { read_status(status, known); });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    return known;
}

}  // namespace trivet::cloud
