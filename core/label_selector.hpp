#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace trivet {

using Labels = std::map<std::string, std::string>;

enum class LabelOperator : std::uint8_t { in, not_in, exists, does_not_exist };

struct LabelRequirement {
    std::string key;
    LabelOperator op = LabelOperator::exists;
    std::vector<std::string> values;  // for in and not_in: at least one

    bool operator==(const LabelRequirement&) const = default;
};

/// Kubernetes' label selector: everything in it must hold; an empty selector matches everything,
/// and not_in and does_not_exist match where the key is absent.
struct LabelSelector {
    Labels match_labels;
    std::vector<LabelRequirement> match_expressions;

    bool matches(const Labels& labels) const;
    bool operator==(const LabelSelector&) const = default;
};

/// A list of selectors matches when one of them does. An empty list matches nothing by itself; what
/// it means ("no restriction") is the caller's rule.
bool any_matches(const std::vector<LabelSelector>& selectors, const Labels& labels);

std::string_view to_string(LabelOperator op);  // "in", "not_in", "exists", "does_not_exist"

/// Kubernetes' syntax of label keys and values. Errors: invalid_argument.
Result<void> check_label_key(std::string_view key);
Result<void> check_label_value(std::string_view value);
Result<void> check_labels(const Labels& labels);
Result<void> check_selector(const LabelSelector& selector);

}  // namespace trivet
