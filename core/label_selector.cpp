#include "core/label_selector.hpp"

#include <algorithm>

namespace trivet {

namespace {

// Kubernetes' limits ("Labels and Selectors", syntax and character set).
constexpr std::size_t part_bytes_max = 63;
constexpr std::size_t prefix_bytes_max = 253;
constexpr std::size_t labels_max = 256;  // ours: a label set stays a handful of lines
constexpr std::size_t values_max = 256;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

/// The name part of a key, or a value that is not empty.
bool is_label_part(std::string_view text) {
    if (text.empty() || text.size() > part_bytes_max) return false;
    if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
    return std::ranges::all_of(
        text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_dns_subdomain(std::string_view text) {
    if (text.empty() || text.size() > prefix_bytes_max) return false;
    char before = '.';
    for (const char c : text) {
        const bool separator = c == '.' || c == '-';
        if (!separator && !is_lower_or_digit(c)) return false;
        if (separator && before == '.') return false;
        if (c == '.' && before == '-') return false;
        before = c;
    }
    return is_lower_or_digit(before);
}

bool holds(const LabelRequirement& requirement, const Labels& labels) {
    const auto found = labels.find(requirement.key);
    const bool present = found != labels.end();
    const auto listed = [&] {
        return std::ranges::find(requirement.values, found->second) != requirement.values.end();
    };
    switch (requirement.op) {
        case LabelOperator::in:
            return present && listed();
        case LabelOperator::not_in:
            return !present || !listed();
        case LabelOperator::exists:
            return present;
        case LabelOperator::does_not_exist:
            return !present;
    }
    return false;
}

}  // namespace

bool LabelSelector::matches(const Labels& labels) const {
    for (const auto& [key, value] : match_labels) {
        const auto found = labels.find(key);
        if (found == labels.end() || found->second != value) return false;
    }
    return std::ranges::all_of(match_expressions, [&](const LabelRequirement& requirement) {
        return holds(requirement, labels);
    });
}

bool any_matches(const std::vector<LabelSelector>& selectors, const Labels& labels) {
    return std::ranges::any_of(
        selectors, [&](const LabelSelector& selector) { return selector.matches(labels); });
}

std::string_view to_string(LabelOperator op) {
    switch (op) {
        case LabelOperator::in:
            return "in";
        case LabelOperator::not_in:
            return "not_in";
        case LabelOperator::exists:
            return "exists";
        case LabelOperator::does_not_exist:
            return "does_not_exist";
    }
    return "in";
}

Result<void> check_label_key(std::string_view key) {
    const std::size_t slash = key.find('/');
    const bool has_prefix = slash != std::string_view::npos;
    const bool valid = is_label_part(has_prefix ? key.substr(slash + 1) : key) &&
                       (!has_prefix || is_dns_subdomain(key.substr(0, slash)));
    if (valid) return {};
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(key) +
                    "' is no label key: write NAME or PREFIX/NAME, where NAME has at most 63 "
                    "letters, digits, '-', '_', '.' and PREFIX is a DNS name");
}

Result<void> check_label_value(std::string_view value) {
    if (value.empty() || is_label_part(value)) return {};
    return fail(ErrorCode::invalid_argument,
                "'" + std::string(value) +
                    "' is no label value: at most 63 letters, digits, '-', '_', '.', with a letter "
                    "or digit at both ends");
}

Result<void> check_labels(const Labels& labels) {
    if (labels.size() > labels_max)
        return fail(ErrorCode::invalid_argument,
                    "at most " + std::to_string(labels_max) + " labels are allowed");
    for (const auto& [key, value] : labels) {
        if (auto checked = check_label_key(key); !checked) return checked;
        if (auto checked = check_label_value(value); !checked) return checked;
    }
    return {};
}

Result<void> check_selector(const LabelSelector& selector) {
    if (auto checked = check_labels(selector.match_labels); !checked) return checked;
    for (const LabelRequirement& requirement : selector.match_expressions) {
        if (auto checked = check_label_key(requirement.key); !checked) return checked;
        const bool wants_values =
            requirement.op == LabelOperator::in || requirement.op == LabelOperator::not_in;
        if (wants_values == requirement.values.empty())
            return fail(ErrorCode::invalid_argument,
                        "operator '" + std::string(to_string(requirement.op)) + "' of key '" +
                            requirement.key + "' " +
                            (wants_values ? "needs at least one value" : "takes no values"));
        if (requirement.values.size() > values_max)
            return fail(ErrorCode::invalid_argument, "key '" + requirement.key +
                                                         "' has more than " +
                                                         std::to_string(values_max) + " values");
        for (const std::string& value : requirement.values)
            if (auto checked = check_label_value(value); !checked) return checked;
    }
    return {};
}

}  // namespace trivet
