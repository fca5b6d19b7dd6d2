// Every real input, against the report that people see.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>

#include <gmock/gmock.h>

#include "api/model/yaml.hpp"
#include "cli/import_metallb.hpp"
#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

const std::string data_folder = std::string(TRIVET_SOURCE_DIR) + "/tests/data/";
const std::string golden_folder = std::string(TRIVET_SOURCE_DIR) + "/tests/cli/testdata/import/";

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> real_inputs() {
    std::vector<std::string> names;
    for (const char* folder : {"seed", "metallb-crds"}) {
        for (const auto& entry : std::filesystem::directory_iterator(data_folder + folder)) {
            names.push_back(folder + std::string("/") + entry.path().filename().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string without_folder(std::string text) {
    for (std::size_t at = 0; (at = text.find(data_folder, at)) != std::string::npos;) {
        text.erase(at, data_folder.size());
    }
    return text;
}

class RealInput : public Lbctl, public testing::WithParamInterface<std::string> {};

std::string test_name(const testing::TestParamInfo<std::string>& test) {
    std::string name = test.param;
    std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

TEST_P(RealInput, IsImportedOrReported) {
    const auto ran = run_as_is({"import", "metallb", "--dry-run", "-f", data_folder + GetParam()});
    auto golden = GetParam();
    std::replace(golden.begin(), golden.end(), '/', '.');
    EXPECT_EQ(without_folder(ran.out), read_text(golden_folder + golden + ".txt"));
    EXPECT_EQ(ran.code, ExitCode::ok);
    EXPECT_EQ(ran.err, "");
}

/// Where a line "zzz-unknown: 1" can be put so that the file stays YAML: after each line that has
/// one key with its scalar.
struct Place {
    int line;
    int column;
};
void collect(const model::YamlNode& node, std::vector<Place>& places) {
    if (const auto* list = node.list()) {
        for (const auto& item : list->items) collect(item, places);
    }
    if (const auto* map = node.map()) {
        for (const auto& entry : map->entries) {
            const auto* scalar = entry.value.scalar();
            if (scalar != nullptr && scalar->style == model::YamlStyle::plain &&
                entry.value.at.line == entry.at.line) {
                places.push_back({entry.at.line, entry.at.column});
            }
            collect(entry.value, places);
        }
    }
}

std::vector<Place> places_of(const std::string& text) {
    std::vector<Place> places;
    const auto documents = model::parse_yaml(text);
    EXPECT_TRUE(documents);
    for (const auto& document : *documents) {
        collect(document, places);
        const auto* data = document.map()->find("data");
        if (data == nullptr) continue;
        const auto inner =
            model::parse_embedded_yaml(data->value.map()->find("config")->value, text);
        EXPECT_TRUE(inner);
        for (const auto& config : *inner) collect(config, places);
    }
    return places;
}

std::string with_line_after(const std::string& text, const Place& place) {
    std::size_t at = 0;
    for (int line = 0; line < place.line; ++line) at = text.find('\n', at) + 1;
    auto changed = text;
    return changed.insert(
        at, std::string(static_cast<std::size_t>(place.column - 1), ' ') + "zzz-unknown: 1\n");
}

/// Whether a remark speaks of the whole object or field that holds the unknown one.
bool covers(const ImportRemark& remark) {
    return remark.reason.starts_with("not ours") || remark.field == "spec.selector";
}

TEST_P(RealInput, LosesNoFieldWhereverItIsAdded) {
    const auto text = read_text(data_folder + GetParam());
    const auto places = places_of(text);
    ASSERT_FALSE(places.empty());
    std::size_t tried = 0;
    for (const auto& place : places) {
        const auto changed = with_line_after(text, place);
        if (!model::parse_yaml(changed)) continue;  // after a line in flow style
        ++tried;
        const auto plan = plan_metallb_import({{"file", changed}});
        const bool named =
            std::any_of(plan.report.begin(), plan.report.end(), [](const ImportRemark& remark) {
                return remark.field.ends_with("zzz-unknown") || covers(remark);
            });
        const bool imported = std::any_of(  // as a label
            plan.objects.begin(), plan.objects.end(), [](const PlannedObject& object) {
                return object.fields.value.dump().find("zzz-unknown") != std::string::npos;
            });
        EXPECT_TRUE(named || imported) << changed;
    }
    EXPECT_GT(tried, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, RealInput, testing::ValuesIn(real_inputs()), test_name);

TEST_F(Lbctl, TheSeedsTwoPoolsAreRefusedNamingBoth) {
    const auto ran =
        run_as_is({"import", "metallb", "-f", data_folder + "seed/metallb.layer2.config.yaml",
                   data_folder + "seed/metallb.bgp.config.yaml"});
    EXPECT_EQ(ran.code, ExitCode::failure);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(without_folder(ran.err),
                testing::HasSubstr("seed/metallb.bgp.config.yaml:13:7: address-pool 'default': "
                                   "pool/default is defined twice, here and in "
                                   "seed/metallb.layer2.config.yaml:9:7"));
}

TEST_F(Lbctl, ImportCreatesAllOrNothing) {
    answer_json("POST /v1/apply",
                {{"items",
                  {{{"kind", "pool"}, {"name", "default"}, {"result", "created"}},
                   {{"kind", "l2-advertisement"}, {"name", "default"}, {"result", "created"}}}},
                 {"revision", 3}});
    const auto ran =
        run({"import", "metallb", "-f", data_folder + "seed/metallb.layer2.config.yaml"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_THAT(ran.out, testing::EndsWith("pool/default created\n"
                                           "l2-advertisement/default created\n"));
    EXPECT_EQ(sent(), nlohmann::json::parse(R"({"create_only": true, "items": [
        {"kind": "pool", "name": "default", "addresses": ["192.168.245.100-192.168.245.150"]},
        {"kind": "l2-advertisement", "name": "default", "pools": ["default"]}]})"));
}

TEST_F(Lbctl, ImportIntoAClusterThatHasThePoolNamesBoth) {
    answer_json("POST /v1/apply",
                {{"code", "conflict"}, {"detail", "pool 'default' exists already"}}, 409);
    answer_json("GET /v1/pools/default", {{"name", "default"}});
    const auto ran =
        run({"import", "metallb", "-f", data_folder + "seed/metallb.layer2.config.yaml"});
    EXPECT_EQ(ran.code, ExitCode::conflict);
    EXPECT_EQ(without_folder(ran.err),
              "error: seed/metallb.layer2.config.yaml:9:7: address-pool 'default' would become "
              "pool/default, which this cluster has already; delete or rename one of the two\n"
              "error: pool 'default' exists already\n"
              "  nothing was changed: all of it applies, or none\n");
}

TEST_F(Lbctl, ImportAsJson) {
    const auto ran = run_as_is({"import", "metallb", "--dry-run", "-o", "json", "-f",
                                data_folder + "seed/loadBalancer-test.yaml"});
    EXPECT_EQ(ran.code, ExitCode::ok);
    const auto data = nlohmann::json::parse(ran.out);
    EXPECT_EQ(data["objects"][0]["object"]["name"], "nginx");
    EXPECT_EQ(data["objects"][0]["line"], 22);
    EXPECT_EQ(data["report"][0]["object"], "Deployment 'nginx'");
    EXPECT_EQ(data["errors"].size(), 0U);
    EXPECT_TRUE(data["applied"].is_null());
}

TEST_F(Lbctl, ImportShowsNoPassword) {
    const auto file =
        write_file("peer.yaml",
                   "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: r}\n"
                   "spec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, password: s3cret}\n");
    for (const char* format : {"table", "json", "yaml", "name"}) {
        const auto ran = run_as_is({"import", "metallb", "--dry-run", "-o", format, "-f", file});
        EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
        EXPECT_THAT(ran.out + ran.err, testing::Not(testing::HasSubstr("s3cret"))) << format;
    }
}

}  // namespace
}  // namespace trivet::cli
