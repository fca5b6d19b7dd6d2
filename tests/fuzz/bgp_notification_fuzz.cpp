// BGP NOTIFICATION: the input is code, subcode and data. Whatever it is, what we say about it can
// be printed, and can be sent on.
#include "announce/bgp/bgp_shutdown_text.hpp"
#include "tests/fuzz/bgp_drive.hpp"

using namespace trivet;
using namespace trivet::announce::bgp;

namespace {

constexpr std::size_t words_size_max = 2500;

void check_words(const NotificationMessage& message) {
    const std::string words = to_words(message);
    TRIVET_ASSERT(!words.empty() && words.size() < words_size_max);
    for (std::string_view rest = words; !rest.empty();) {
        const std::size_t size = utf8_character_size(rest);
        TRIVET_ASSERT(size > 1 || (size == 1 && rest[0] >= ' ' && rest[0] != '\x7f'));
        rest.remove_prefix(size);
    }
}

void check_text(std::span<const std::byte> data) {
    const auto text = decode_shutdown_text(data);
    if (text) {
        const auto again = decode_shutdown_text(encode_shutdown_text(*text, 255));
        TRIVET_ASSERT(again == text);
    }
    // An operator's text may hold anything; what goes out can be read.
    const std::string_view raw(reinterpret_cast<const char*>(data.data()), data.size());
    const auto encoded = encode_shutdown_text(raw);
    TRIVET_ASSERT(encoded.size() <= shutdown_text_size_usual + 1);
    TRIVET_ASSERT(decode_shutdown_text(encoded).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    check_text(input);
    const CodecOptions options = fuzz::options_from(1);
    const auto taken = fuzz::take(fuzz::framed(MessageType::notification, input), options);
    TRIVET_ASSERT(taken.has_value() == (size >= 2));
    if (!taken) return 0;
    const auto& message = std::get<NotificationMessage>(taken->message);
    check_words(message);
    check_words(hard_reset_notification(message));
    const auto again = fuzz::take(encode(message), options);
    TRIVET_ASSERT(again.has_value());
    const auto& sent = std::get<NotificationMessage>(again->message);
    TRIVET_ASSERT(sent == message || message.data.size() > notification_data_size_max);
    if (const auto reason = hard_reset_reason(message))
        TRIVET_ASSERT(hard_reset_notification(*reason).error_subcode == message.error_subcode);
    return 0;
}
