// BGP ROUTE-REFRESH: the first byte says what was negotiated; the rest is the body of a message.
#include "tests/fuzz/bgp_drive.hpp"

using namespace trivet;
using namespace trivet::announce::bgp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const CodecOptions options = fuzz::options_from(data[0]);
    const auto input = std::as_bytes(std::span(data, size)).subspan(1);
    const auto taken = fuzz::take(fuzz::framed(MessageType::route_refresh, input), options);
    if (!taken) return 0;
    const auto& refresh = std::get<RouteRefreshMessage>(taken->message);
    TRIVET_ASSERT(input.size() >= 4);
    TRIVET_ASSERT(options.enhanced_route_refresh || refresh.subtype == 0);
    const auto again = fuzz::take(encode(refresh), options);
    TRIVET_ASSERT(again && std::get<RouteRefreshMessage>(again->message) == refresh);
    return 0;
}
