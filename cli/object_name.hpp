#pragma once
#include <string>
#include <string_view>

#include "cli/nouns.hpp"
#include "cli/outcome.hpp"

namespace trivet::cli {

/// What a user writes for an object, as lbctl itself prints it: "web", of a VIP also
/// "shop/web", and with the kind before it, "vip/shop/web", "pool/lan". `name_space` is for a VIP
/// that names none. Errors: usage, more parts than that.
Outcome<ObjectKey> object_key(const Noun& noun, std::string_view written,
                              const std::string& name_space);

/// "/v1/vips/shop/web", "/v1/pools/lan".
std::string rest_path(const ObjectKey& key);

}  // namespace trivet::cli
