#pragma once
#include <cstddef>
#include <span>

#include "announce/bgp/bgp_message.hpp"

namespace trivet::announce::bgp {

/// What stands behind the header of an UPDATE (RFC 4271 section 6.3 as RFC 7606 has revised it).
/// Takes time and memory linear in its length.
///
/// Errors: UPDATE Message Error, what RFC 7606 still resets a session for: prefixes that cannot be
/// told apart, MP_REACH_NLRI or MP_UNREACH_NLRI twice, a well-known attribute that is not known,
/// and any fault that would withdraw routes where there are none to withdraw.
Result<UpdateMessage, DecodeError> decode_update(std::span<const std::byte> body,
                                                 const CodecOptions& options);

}  // namespace trivet::announce::bgp
