#include "api/model/snapshot_file.hpp"

#include <ostream>

namespace trivet::model {
namespace {

using nlohmann::json;

json whole() {
    json snapshot{{"format", "trivet-snapshot"},
                  {"version", 1},
                  {"cluster_id", "abc"},
                  {"node", "n1"},
                  {"revision", 17},
                  {"saved_at", "2024-05-06T07:08:09Z"},
                  {"rows", {{"pool/lan", "{}"}, {"alone", "x"}}}};
    snapshot["sha256"] = checksum_of_rows(snapshot["rows"]);
    return snapshot;
}

TEST(SnapshotFile, TheChecksumIsOverTheSortedRows) {
    EXPECT_EQ(checksum_of_rows(json::object()),  // of "{}"
              "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    EXPECT_EQ(checksum_of_rows(json::parse(R"({"b": "1", "a": "2"})")),
              checksum_of_rows(json::parse(R"({"a":"2","b":"1"})")));
}

TEST(SnapshotFile, SaysWhatItHolds) {
    const auto facts = check_snapshot(parse_snapshot(whole().dump(2)).value());
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->cluster_id, "abc");
    EXPECT_EQ(facts->node, "n1");
    EXPECT_EQ(facts->revision, 17u);
    EXPECT_EQ(facts->saved_at, "2024-05-06T07:08:09Z");
    EXPECT_EQ(facts->rows, 2u);
    EXPECT_EQ(facts->by_kind, (std::map<std::string, std::size_t>{{"pool", 1}, {"alone", 1}}));
}

struct Damage {
    const char* name;
    void (*change)(json&);
    ErrorCode code;
    const char* message;
};
void PrintTo(const Damage& c, std::ostream* out) { *out << c.name; }

class DamagedSnapshots : public testing::TestWithParam<Damage> {};

TEST_P(DamagedSnapshots, AreRefused) {
    auto snapshot = whole();
    GetParam().change(snapshot);
    const auto facts = check_snapshot(snapshot);
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().code, GetParam().code);
    EXPECT_THAT(facts.error().message, testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, DamagedSnapshots,
    testing::Values(
        Damage{"List", [](json& s) { s = json::array(); }, ErrorCode::corrupt, "no JSON object"},
        Damage{"Format", [](json& s) { s["format"] = "x"; }, ErrorCode::corrupt, "'format'"},
        Damage{"NoFormat", [](json& s) { s.erase("format"); }, ErrorCode::corrupt, "'format'"},
        Damage{"Newer", [](json& s) { s["version"] = 2; }, ErrorCode::conflict, "version 2"},
        Damage{"Version", [](json& s) { s["version"] = "1"; }, ErrorCode::corrupt, "'version'"},
        Damage{"NoCluster", [](json& s) { s.erase("cluster_id"); }, ErrorCode::corrupt,
               "'cluster_id'"},
        Damage{"NoNode", [](json& s) { s["node"] = ""; }, ErrorCode::corrupt, "'node'"},
        Damage{"NoTime", [](json& s) { s["saved_at"] = 1; }, ErrorCode::corrupt, "'saved_at'"},
        Damage{"Revision", [](json& s) { s["revision"] = -1; }, ErrorCode::corrupt, "'revision'"},
        Damage{"NoRows", [](json& s) { s.erase("rows"); }, ErrorCode::corrupt, "'rows'"},
        Damage{"RowIsNoText", [](json& s) { s["rows"]["pool/lan"] = json::object(); },
               ErrorCode::corrupt, "row 'pool/lan'"},
        Damage{"NoChecksum", [](json& s) { s.erase("sha256"); }, ErrorCode::corrupt, "'sha256'"},
        Damage{"Checksum", [](json& s) { s["sha256"] = std::string(64, '0'); }, ErrorCode::corrupt,
               "checksum"},
        Damage{"RowIsGone", [](json& s) { s["rows"].erase("alone"); }, ErrorCode::corrupt,
               "checksum"}),
    [](const auto& test) { return test.param.name; });

TEST(SnapshotFile, TextThatIsNoJson) {
    for (const auto* text : {"", "{", "[[[[]]]]", R"({"a": 1, "a": 2})"}) {
        const auto parsed = parse_snapshot(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::corrupt);
    }
}

}  // namespace
}  // namespace trivet::model
