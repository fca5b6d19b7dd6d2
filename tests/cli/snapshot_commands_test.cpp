#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "api/model/snapshot_file.hpp"
#include "tests/cli/lbctl_fixture.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json snapshot() {
    json whole{{"format", "trivet-snapshot"},
               {"version", 1},
               {"cluster_id", "abc"},
               {"node", "n1"},
               {"revision", 17},
               {"saved_at", "2024-05-06T07:08:09Z"},
               {"rows",
                {{"meta/cluster", "{}"},
                 {"pool/lan", "{}"},
                 {"vip/default/web", "{}"},
                 {"vip/default/mail", "{}"}}}};
    whole["sha256"] = model::checksum_of_rows(whole["rows"]);
    return whole;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class LbctlSnapshot : public Lbctl {
protected:
    LbctlSnapshot() {
        auto name = testing::TempDir() + "snapshot-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) std::abort();
        folder_ = name;
    }
    ~LbctlSnapshot() override { std::filesystem::remove_all(folder_); }

    std::string path(const char* name) const { return folder_ + "/" + name; }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_),
                                                      std::filesystem::directory_iterator()));
    }
    std::string write(const char* name, const std::string& text) {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }

    std::string folder_;
};

TEST_F(LbctlSnapshot, IsSavedForItsOwnerAlone) {
    answer_json("GET /v1/cluster/snapshot", snapshot());
    const auto file = path("s.json");
    const auto ran = run({"snapshot", "save", file});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out, file + ": 4 rows, revision 17\n");
    EXPECT_EQ(json::parse(content_of(file)), snapshot());
    struct stat facts{};
    ASSERT_EQ(stat(file.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0600u);
    EXPECT_EQ(files(), 1u) << "no temporary file stays";
}

TEST_F(LbctlSnapshot, OverwritesOnlyWhenTold) {
    answer_json("GET /v1/cluster/snapshot", snapshot());
    const auto file = write("s.json", "precious");
    const auto refused = run({"snapshot", "save", file});
    EXPECT_EQ(refused.code, ExitCode::conflict);
    EXPECT_THAT(refused.err, HasSubstr("--force"));
    EXPECT_EQ(content_of(file), "precious");
    EXPECT_TRUE(requests().empty()) << "nothing is asked for in vain";
    EXPECT_EQ(run({"snapshot", "save", file, "--force"}).code, ExitCode::ok);
    EXPECT_EQ(json::parse(content_of(file)), snapshot());
    EXPECT_EQ(files(), 1u);
}

TEST_F(LbctlSnapshot, WhatDoesNotArriveWholeIsNotSaved) {
    auto damaged = snapshot();
    damaged["rows"]["pool/lan"] = "{ }";
    answer_json("GET /v1/cluster/snapshot", damaged);
    const auto refused = run({"snapshot", "save", path("s.json")});
    EXPECT_EQ(refused.code, ExitCode::failure);
    EXPECT_THAT(refused.err, HasSubstr("checksum"));
    EXPECT_EQ(files(), 0u);
}

TEST_F(LbctlSnapshot, AFolderThatIsNotThere) {
    answer_json("GET /v1/cluster/snapshot", snapshot());
    const auto refused = run({"snapshot", "save", path("no/s.json")});
    EXPECT_EQ(refused.code, ExitCode::failure);
    EXPECT_THAT(refused.err, HasSubstr("No such file"));
}

TEST_F(LbctlSnapshot, SaveWithoutALeader) {
    answer("GET /v1/cluster/snapshot",
           Answer{503, R"({"detail": "no leader", "code": "not_leader"})"});
    answer_json("GET /v1/cluster/snapshot?consistency=stale", snapshot());
    EXPECT_EQ(run({"snapshot", "save", path("s.json"), "--timeout", "0.1"}).code,
              ExitCode::no_leader);
    EXPECT_EQ(run({"snapshot", "save", path("s.json"), "--stale"}).code, ExitCode::ok);
}

TEST_F(LbctlSnapshot, IsInspectedWithoutAServer) {
    const auto file = write("s.json", snapshot().dump());
    const auto ran = run_as_is({"snapshot", "inspect", file});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(ran.out,
              "cluster   abc\n"
              "revision  17\n"
              "saved     2024-05-06T07:08:09Z by n1\n"
              "checksum  right\n"
              "rows      4\n"
              "  meta    1\n"
              "  pool    1\n"
              "  vip     2\n");
    const auto facts = json::parse(run_as_is({"snapshot", "inspect", file, "-o", "json"}).out);
    EXPECT_EQ(facts["kinds"], (json{{"meta", 1}, {"pool", 1}, {"vip", 2}}));
    EXPECT_EQ(facts["revision"], 17);
    EXPECT_EQ(facts["sha256"], snapshot()["sha256"]);
}

TEST_F(LbctlSnapshot, InspectTellsWhatIsWrong) {
    const auto inspect = [&](const std::string& text) {
        return run_as_is({"snapshot", "inspect", write("s.json", text)});
    };
    auto changed = snapshot();
    changed["rows"]["vip/default/evil"] = "{}";
    const auto refused = inspect(changed.dump());
    EXPECT_EQ(refused.code, ExitCode::failure);
    EXPECT_THAT(refused.err, HasSubstr("changed or damaged"));
    EXPECT_THAT(refused.err, HasSubstr(path("s.json")));
    EXPECT_EQ(inspect(snapshot().dump().substr(0, 100)).code, ExitCode::failure);
    EXPECT_EQ(inspect("").code, ExitCode::failure);
    EXPECT_EQ(run_as_is({"snapshot", "inspect", path("none")}).code, ExitCode::not_found);
    EXPECT_EQ(run_as_is({"snapshot", "inspect", folder_}).code, ExitCode::failure);
}

TEST_F(LbctlSnapshot, IsRestoredByItsAbsolutePath) {
    const json made{{"node", "n1"},
                    {"api", "https://10.0.0.1:7480"},
                    {"admin_token", ""},
                    {"ca_hash", "sha256:ab"}};
    answer_json("POST /v1/cluster/restore", made, 201);
    const auto ran = run({"snapshot", "restore", folder_ + "/./x/../s.json"});
    EXPECT_EQ(ran.code, ExitCode::ok) << ran.err;
    EXPECT_EQ(sent(0), (json{{"path", path("s.json")}}));
    EXPECT_THAT(ran.out, HasSubstr("state of " + path("s.json")));
    EXPECT_THAT(ran.out, HasSubstr("CA hash  sha256:ab\n"));
    EXPECT_THAT(ran.out, HasSubstr("admin token is that of the saved cluster"));
    EXPECT_EQ(json::parse(run({"snapshot", "restore", "s.json", "-o", "json"}).out), made);
    EXPECT_EQ(sent(1)["path"], std::filesystem::current_path().string() + "/s.json");
}

TEST_F(LbctlSnapshot, RestoreTellsWhoReadsTheFile) {
    answer("POST /v1/cluster/restore",
           Answer{404, R"({"detail": "'/s' is not there", "code": "not_found"})"});
    const auto ran = run({"snapshot", "restore", "/s"});
    EXPECT_EQ(ran.code, ExitCode::not_found);
    EXPECT_THAT(ran.err, HasSubstr("user lbd"));
}

}  // namespace
}  // namespace trivet::cli
