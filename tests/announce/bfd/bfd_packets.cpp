#include "tests/announce/bfd/bfd_packets.hpp"

#include <fmt/format.h>

namespace trivet::announce::bfd {

namespace {

std::string milliseconds(std::uint32_t microseconds) {
    return microseconds % 1000 == 0 ? std::to_string(microseconds / 1000)
                                    : std::to_string(microseconds) + "us";
}

}  // namespace

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

std::vector<std::byte> bytes_of_hex(std::string_view hex) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(
            static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

std::string describe(const ControlPacket& packet) {
    std::string text(to_string(packet.state));
    if (packet.poll) text += " P";
    if (packet.final) text += " F";
    if (packet.demand) text += " D";
    if (packet.diagnostic != Diagnostic::none)
        text += fmt::format(" ({})", to_string(packet.diagnostic));
    text += packet.your_discriminator == 0 ? " your=0" : " your=known";
    return text + fmt::format(" tx={} rx={} echo={} x{}", milliseconds(packet.desired_min_tx_us),
                              milliseconds(packet.required_min_rx_us),
                              milliseconds(packet.required_min_echo_rx_us),
                              packet.detect_multiplier);
}

std::string seconds(Instant instant) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
    return fmt::format("{}.{:03}", ms.count() / 1000, ms.count() % 1000);
}

AuthenticationKey key_of(AuthenticationType type, std::string secret) {
    return {.type = type, .key_id = 7, .secret = std::move(secret)};
}

std::vector<ControlPacket> control_packets(const BfdActions& actions) {
    std::vector<ControlPacket> packets;
    for (const BfdAction& action : actions)
        if (const auto* sent = std::get_if<SendControl>(&action))
            packets.push_back(decode_control(sent->packet.view()).value());
    return packets;
}

std::optional<StateChanged> state_change(const BfdActions& actions) {
    for (const BfdAction& action : actions)
        if (const auto* change = std::get_if<StateChanged>(&action)) return *change;
    return std::nullopt;
}

std::ostream& operator<<(std::ostream& out, State state) { return out << to_string(state); }
std::ostream& operator<<(std::ostream& out, Diagnostic diagnostic) {
    return out << to_string(diagnostic);
}
std::ostream& operator<<(std::ostream& out, Discard reason) { return out << to_string(reason); }
std::ostream& operator<<(std::ostream& out, EchoPhase phase) { return out << to_string(phase); }
std::ostream& operator<<(std::ostream& out, const ControlPacket& packet) {
    return out << describe(packet);
}

}  // namespace trivet::announce::bfd
