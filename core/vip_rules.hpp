#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/objects.hpp"

/// What a VIP's fields mean where they leave something open.
namespace trivet {

/// Not given: two families, or wanted addresses of both, mean require_dual; else single.
IpFamilyPolicy effective_policy(const Vip& vip);

/// The families asked for, preferred first. A dual policy always means both; empty means "single,
/// and what the pool has, IPv4 first".
std::vector<IpFamily> effective_families(const Vip& vip);

/// IPv4 addresses that end in .0 or .255, which some old equipment takes for broadcasts.
bool is_buggy(IpAddress address);

/// "default/web": how messages and release records name a VIP.
std::string vip_name(const Vip& vip);

/// Whether values make sense by themselves, without looking at other objects: names, labels,
/// limits, address classes, fields that exclude each other. Errors: invalid_argument with field.
Result<void> check_object(const Object& object);

/// The same for a node, which is no object that users put.
Result<void> check_node(const Node& node);

/// A Linux interface name. Errors: invalid_argument.
Result<void> check_interface_name(std::string_view name);

}  // namespace trivet
