// BGP OPEN: the input is what a peer sends, and once more the body of an OPEN behind a right
// header.
#include "tests/fuzz/bgp_drive.hpp"

using namespace trivet;
using namespace trivet::announce::bgp;

namespace {

void check(std::span<const std::byte> received) {
    const auto taken = fuzz::take(received, {});
    if (!taken || !std::holds_alternative<OpenMessage>(taken->message)) return;
    const auto& open = std::get<OpenMessage>(taken->message);
    TRIVET_ASSERT(open.my_as.value() != 0 && open.bgp_identifier != 0);
    TRIVET_ASSERT(open.hold_time_s != 1 && open.hold_time_s != 2);
    const auto again = fuzz::take(encode(open), {});
    TRIVET_ASSERT(again && std::get<OpenMessage>(again->message) == open);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    check(input);
    check(fuzz::framed(MessageType::open, input));
    return 0;
}
