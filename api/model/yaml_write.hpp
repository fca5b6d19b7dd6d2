#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace trivet::model {

/// JSON as block-style YAML that parse_yaml reads back to the same value, and that readers of
/// YAML 1.1 (where `on` is a boolean and 1:20 a number) do not misread either. `first` names keys
/// that come first, in that order, when they are there.
std::string to_yaml(const nlohmann::json& value, const std::vector<std::string_view>& first = {});

}  // namespace trivet::model
