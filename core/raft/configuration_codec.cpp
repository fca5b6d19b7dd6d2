#include "core/raft/configuration_codec.hpp"

namespace trivet::raft {

namespace {

std::string member_text(ByteReader& reader) {
    const std::string_view text = reader.text();
    if (text.size() > member_text_bytes_max) reader.reject();
    return std::string(text.substr(0, member_text_bytes_max));
}

}  // namespace

void write(ByteWriter& writer, const Configuration& configuration) {
    writer.number(static_cast<std::uint16_t>(configuration.members.size()));
    for (const auto& [id, member] : configuration.members)
        writer.number(id.value())
            .flag(member.role == MemberRole::voter)
            .text(member.name)
            .text(member.address);
}

Configuration read_configuration(ByteReader& reader) {
    Configuration configuration;
    const auto count = reader.number<std::uint16_t>();
    if (count > members_max) reader.reject();
    for (std::uint16_t i = 0; i < count && reader.ok(); ++i) {
        const RaftId id(reader.number<std::uint64_t>());
        Member member{reader.flag() ? MemberRole::voter : MemberRole::learner, {}, {}};
        member.name = member_text(reader);
        member.address = member_text(reader);
        const bool in_order = id.value() != 0 && (configuration.members.empty() ||
                                                  configuration.members.rbegin()->first < id);
        if (!in_order) reader.reject();
        configuration.members.emplace(id, std::move(member));
    }
    return configuration;
}

std::string encode(const Configuration& configuration) {
    ByteWriter writer;
    write(writer, configuration);
    return writer.take();
}

Result<Configuration> decode_configuration(std::string_view bytes) {
    ByteReader reader(bytes);
    Configuration configuration = read_configuration(reader);
    if (!reader.complete())
        return fail(ErrorCode::invalid_argument, "these bytes are no configuration of a cluster");
    return configuration;
}

}  // namespace trivet::raft
