#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// One page of a list.
struct ListPage {
    std::string resource_version;
    std::string continue_token;  // empty: the last page
    std::vector<nlohmann::json> items;
};

/// Errors: invalid_argument, it is no list or has no resourceVersion; too_large.
Result<ListPage> read_list_page(std::string_view body);

}  // namespace trivet::cloud
