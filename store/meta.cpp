#include "store/meta.hpp"

#include <array>
#include <charconv>

#include "core/raft/configuration_codec.hpp"

namespace trivet::store {

namespace {

bool parse_number(std::string_view text, std::uint64_t& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && stop == text.data() + text.size() && !text.empty();
}

/// `member` finds a strong integer in a Meta; it is stored as a decimal number.
template <auto member>
constexpr MetaField number(std::string_view key) {
    return {key, [](const Meta& a, const Meta& b) { return member(a) == member(b); },
            [](const Meta& meta) { return std::to_string(member(meta).value()); },
            [](std::string_view text, Meta& meta) {
                std::uint64_t value = 0;
                if (!parse_number(text, value)) return false;
                member(meta) = std::remove_cvref_t<decltype(member(meta))>(value);
                return true;
            }};
}

constexpr MetaField digest_field{
    meta_key::state_digest,
    [](const Meta& a, const Meta& b) { return a.state_digest == b.state_digest; },
    [](const Meta& meta) { return meta.state_digest.to_string(); },
    [](std::string_view text, Meta& meta) {
        const auto digest = TableDigest::parse(text);
        if (digest) meta.state_digest = *digest;
        return digest.has_value();
    }};

constexpr MetaField configuration_field{
    meta_key::base_configuration,
    [](const Meta& a, const Meta& b) { return a.base.configuration == b.base.configuration; },
    [](const Meta& meta) { return raft::encode(meta.base.configuration); },
    [](std::string_view text, Meta& meta) {
        auto configuration = raft::decode_configuration(text);
        if (configuration) meta.base.configuration = std::move(*configuration);
        return configuration.has_value();
    }};

constexpr MetaField boots_field{meta_key::boots,
                                [](const Meta& a, const Meta& b) { return a.boots == b.boots; },
                                [](const Meta& meta) { return raft::encode(meta.boots); },
                                [](std::string_view text, Meta& meta) {
                                    auto boots = raft::decode_boot_history(text);
                                    if (boots) meta.boots = std::move(*boots);
                                    return boots.has_value();
                                }};

constexpr std::array fields{
    number<[](auto& meta) -> auto& { return meta.last_index; }>(meta_key::last_index),
    number<[](auto& meta) -> auto& { return meta.term; }>(meta_key::term),
    number<[](auto& meta) -> auto& { return meta.last_applied; }>(meta_key::last_applied),
    digest_field,
    number<[](auto& meta) -> auto& { return meta.hard_state.term; }>(meta_key::hard_state_term),
    number<[](auto& meta) -> auto& { return meta.hard_state.vote; }>(meta_key::hard_state_vote),
    number<[](auto& meta) -> auto& { return meta.base.index; }>(meta_key::base_index),
    number<[](auto& meta) -> auto& { return meta.base.term; }>(meta_key::base_term),
    configuration_field,
    number<[](auto& meta) -> auto& { return meta.raft_id; }>(meta_key::raft_id),
    boots_field,
};

}  // namespace

std::span<const MetaField> meta_fields() { return fields; }

}  // namespace trivet::store
