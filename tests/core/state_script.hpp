#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace trivet::test {

/// Runs a story against a ClusterState, one step a line, and checks after every step that the
/// state restored from its rows is the same, and that a refused step changed nothing.
///
///   pool lan "addresses": ["10.0.0.0/30"]      puts an object; namespace, l2, ... likewise
///   vip shop/web "pool": "lan"                 namespace `default` when none is written
///   force pool lan ...                         with force
///   delete vip web | force delete pool lan
///   at 90                                      the clock, in seconds
///   has web 10.0.0.1 fd00::1                   exactly these addresses, in this order; none: -
///   content web                                has all it asked for
///   waits web TEXT                             its pending_reason holds TEXT
///   use lan 4 2 1                              total, assigned, cooling
///   deadline 100 | deadline -                  next_deadline(), in seconds
///   no conflict|TEXT| pool lan ...             the step is refused with this code and TEXT
void run_script(std::string_view script);

/// One row of a table in tests/core/testdata/: "== Name", then its steps.
struct Rule {
    std::string name;
    std::string script;
};
std::vector<Rule> rules_of(const std::string& file);
inline void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }
inline std::string rule_name(const testing::TestParamInfo<Rule>& row) { return row.param.name; }

}  // namespace trivet::test
