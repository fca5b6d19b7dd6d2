#include "cli/object_name.hpp"

#include <ostream>

#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

struct Case {
    Kind kind;
    const char* written;
    const char* path;  // null: refused
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.written; }

class ObjectName : public testing::TestWithParam<Case> {};

TEST_P(ObjectName, IsWhatLbctlPrintsToo) {
    const auto key = object_key(noun_of(GetParam().kind), GetParam().written, "default");
    ASSERT_EQ(key.has_value(), GetParam().path != nullptr);
    if (key) {
        EXPECT_EQ(rest_path(*key), GetParam().path);
    } else {
        EXPECT_EQ(key.error().code, ExitCode::usage);
        EXPECT_THAT(key.error().message, testing::HasSubstr(GetParam().written));
    }
}

INSTANTIATE_TEST_SUITE_P(All, ObjectName,
                         testing::Values(Case{Kind::vip, "web", "/v1/vips/default/web"},
                                         Case{Kind::vip, "shop/web", "/v1/vips/shop/web"},
                                         Case{Kind::vip, "vip/web", "/v1/vips/vip/web"},
                                         Case{Kind::vip, "vip/shop/web", "/v1/vips/shop/web"},
                                         Case{Kind::vip, "pool/shop/web", nullptr},
                                         Case{Kind::vip, "vip/shop/web/x", nullptr},
                                         Case{Kind::pool, "lan", "/v1/pools/lan"},
                                         Case{Kind::pool, "pool/lan", "/v1/pools/lan"},
                                         Case{Kind::pool, "default/lan", nullptr}));

TEST_F(Lbctl, VipsAreNamedWithTheirNamespace) {
    const json web{{"name", "web"}, {"namespace", "shop"}};
    answer_json("POST /v1/vips/shop", web, 201);
    EXPECT_EQ(run({"vip", "create", "shop/web"}).code, ExitCode::ok);
    EXPECT_EQ(sent(), web);
    answer_json("GET /v1/vips/shop/web", web);
    EXPECT_EQ(json::parse(run({"vip", "show", "shop/web", "-o", "json"}).out), web);
    answer_json("GET /v1/vips/shop/web/explain", {{"sentences", {"It is well."}}});
    EXPECT_EQ(run({"vip", "explain", "shop/web"}).out, "It is well.\n");
    answer_json("POST /v1/vips/shop/web/move", web);
    EXPECT_EQ(run({"vip", "move", "shop/web", "--to", "n2"}).out, "vip/shop/web moves to n2\n");
    answer_json("DELETE /v1/vips/shop/web", json::object());
    EXPECT_EQ(run({"vip", "delete", "vip/shop/web"}).out, "vip/shop/web deleted\n");
}

TEST_F(Lbctl, NothingIsDeletedWhenOneNameIsNone) {
    const auto ran = run({"vip", "delete", "web", "a/b/c"});
    EXPECT_EQ(ran.code, ExitCode::usage);
    EXPECT_THAT(ran.err, testing::HasSubstr("'a/b/c' names no vip; write NAME or NAMESPACE/NAME"));
}

}  // namespace
}  // namespace trivet::cli
