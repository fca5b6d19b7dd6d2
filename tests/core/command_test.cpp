#include "core/command.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

Command every_action() {
    Command command;
    command.at = WallTime(std::chrono::milliseconds(1'700'000'000'123));
    const Object pool =
        test::object(Kind::pool, R"({"name": "lan", "addresses": ["192.0.2.0/30"]})");
    command.actions.push_back(PutObject{pool, PutMode::create, true, 7});
    command.actions.push_back(PutObject{
        test::object(Kind::vip, R"({"name": "web"})"), PutMode::create_or_replace, {}, {}});
    command.actions.push_back(DeleteObject{{Kind::vip, "default", "web"}, true});
    command.actions.push_back(InitCluster{"c1", "ab12"});
    command.actions.push_back(RegisterNode{"n1", {{"rack", "a"}}});
    command.actions.push_back(DrainNode{"n1", true});
    command.actions.push_back(AdvanceTime{});
    command.actions.push_back(MakeJoinToken{
        std::string(64, 'a'), WallTime(std::chrono::milliseconds(1'700'000'000'456))});
    command.actions.push_back(UseJoinToken{std::string(64, 'a'), UINT64_MAX, "n2"});
    command.actions.push_back(RecordBoot{"n2", UINT64_MAX, 3, UINT64_MAX - 1});
    command.actions.push_back(RemoveNode{"n2"});
    command.actions.push_back(RecordFence{NodeId(UINT64_MAX), Epoch(4), NodeId(7), "silent", 93});
    command.actions.push_back(AdmitNode{NodeId(UINT64_MAX), Epoch(5)});
    command.actions.push_back(MoveVip{{Kind::vip, "shop", "web"}, "n2"});
    command.actions.push_back(Rebalance{});
    command.actions.push_back(SetLeaseProfile{"fast"});
    command.actions.push_back(ReportTrouble{IpAddress::parse("fd00::1").value(), "n2",
                                            Trouble{.kind = TroubleKind::not_announced,
                                                    .mac = MacAddress{{2, 0, 0, 0, 0, 9}},
                                                    .message = "no carrier"}});
    command.actions.push_back(ReportTrouble{IpAddress::parse("10.0.0.1").value(), "n3"});
    command.actions.push_back(
        ReportBgpSessions{"n2", {.established = {"tor1", "tor2"}, .withdrawn = true}});
    command.actions.push_back(CreateToken{"shim",
                                          std::string(64, 'b'),
                                          TokenRole::cloud,
                                          {{"prod.*", "shop"}, {"lan"}},
                                          std::chrono::hours{720}});
    command.actions.push_back(CreateToken{"ops", std::string(64, 'c'), TokenRole::admin});
    command.actions.push_back(DeleteToken{"shim"});
    return command;
}

TEST(Command, CarriesTheNameOfItsRequest) {
    Command command = every_action();
    command.request = RequestId{"key-1", 3, UINT64_MAX};
    const auto decoded = decode_command(encode(command));
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_TRUE(decoded->request);
    EXPECT_EQ(decoded->request->client, "key-1");
    EXPECT_EQ(decoded->request->sequence, 3u);
    EXPECT_EQ(decoded->request->fingerprint, UINT64_MAX);
    EXPECT_FALSE(
        decode_command(R"({"format":1,"at":1,"actions":[],"request":{"client":"","sequence":1}})"));
    EXPECT_FALSE(decode_command(R"({"format":1,"at":1,"actions":[],"request":7})"));
}

TEST(Command, FingerprintsTellActionsApart) {
    const Command command = every_action();
    EXPECT_EQ(fingerprint_of(command.actions), fingerprint_of(every_action().actions));
    auto others = command.actions;
    std::get<DrainNode>(others[5]).drained = false;
    EXPECT_NE(fingerprint_of(command.actions), fingerprint_of(others));
}

TEST(Command, WhatIsEncodedDecodesTheSame) {
    const Command command = every_action();
    const std::string text = encode(command);
    const auto decoded = decode_command(text);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->at, command.at);
    ASSERT_EQ(decoded->actions.size(), command.actions.size());
    EXPECT_EQ(encode(*decoded), text);
    const auto& put = std::get<PutObject>(decoded->actions[0]);
    EXPECT_EQ(put.object, std::get<PutObject>(command.actions[0]).object);
    EXPECT_EQ(put.mode, PutMode::create);
    EXPECT_TRUE(put.force);
    EXPECT_EQ(put.revision, 7u);
    EXPECT_EQ(std::get<DeleteObject>(decoded->actions[2]).key,
              (ObjectKey{Kind::vip, "default", "web"}));
}

TEST(Command, EveryKindOfActionIsTriedHere) {
    std::set<std::size_t> kinds;
    for (const Action& action : every_action().actions) kinds.insert(action.index());
    EXPECT_EQ(kinds.size(), std::variant_size_v<Action>);
}

TEST(Command, EveryFieldOfTheMembershipActionsComesBack) {
    const auto decoded = decode_command(encode(every_action()));
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto& made = std::get<MakeJoinToken>(decoded->actions[7]);
    EXPECT_EQ(made.hash, std::string(64, 'a'));
    EXPECT_EQ(made.expires, WallTime(std::chrono::milliseconds(1'700'000'000'456)));
    const auto& used = std::get<UseJoinToken>(decoded->actions[8]);
    EXPECT_EQ(used.hash, std::string(64, 'a'));
    EXPECT_EQ(used.raft_id, UINT64_MAX);
    EXPECT_EQ(used.node, "n2");
    const auto& boot = std::get<RecordBoot>(decoded->actions[9]);
    EXPECT_EQ(boot.node, "n2");
    EXPECT_EQ(boot.raft_id, UINT64_MAX);
    EXPECT_EQ(boot.number, 3u);
    EXPECT_EQ(boot.nonce, UINT64_MAX - 1);
    EXPECT_EQ(std::get<RemoveNode>(decoded->actions[10]).name, "n2");
}

TEST(Command, EveryFieldOfTheLeaseActionsComesBack) {
    const auto decoded = decode_command(encode(every_action()));
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto& fence = std::get<RecordFence>(decoded->actions[11]);
    EXPECT_EQ(fence.node, NodeId(UINT64_MAX));
    EXPECT_EQ(fence.epoch, Epoch(4));
    EXPECT_EQ(fence.by, NodeId(7));
    EXPECT_EQ(fence.cause, "silent");
    EXPECT_EQ(fence.duration_ms, 93u);
    const auto& admission = std::get<AdmitNode>(decoded->actions[12]);
    EXPECT_EQ(admission.node, NodeId(UINT64_MAX));
    EXPECT_EQ(admission.seen, Epoch(5));
    const auto& move = std::get<MoveVip>(decoded->actions[13]);
    EXPECT_EQ(move.vip, (ObjectKey{Kind::vip, "shop", "web"}));
    EXPECT_EQ(move.node, "n2");
    EXPECT_EQ(std::get<SetLeaseProfile>(decoded->actions[15]).name, "fast");
    const auto& report = std::get<ReportTrouble>(decoded->actions[16]);
    EXPECT_EQ(report.address.to_string(), "fd00::1");
    EXPECT_EQ(report.node, "n2");
    ASSERT_TRUE(report.trouble);
    EXPECT_EQ(report.trouble->kind, TroubleKind::not_announced);
    EXPECT_EQ(report.trouble->mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
    EXPECT_EQ(report.trouble->message, "no carrier");
    EXPECT_FALSE(std::get<ReportTrouble>(decoded->actions[17]).trouble);
    const auto& sessions = std::get<ReportBgpSessions>(decoded->actions[18]);
    EXPECT_EQ(sessions.node, "n2");
    EXPECT_EQ(sessions.sessions, (BgpSessions{.established = {"tor1", "tor2"}, .withdrawn = true}));
}

TEST(Command, EveryFieldOfTheTokenActionsComesBack) {
    const auto decoded = decode_command(encode(every_action()));
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto& shim = std::get<CreateToken>(decoded->actions[19]);
    EXPECT_EQ(shim.name, "shim");
    EXPECT_EQ(shim.hash, std::string(64, 'b'));
    EXPECT_EQ(shim.role, TokenRole::cloud);
    EXPECT_EQ(shim.limits, (TokenLimits{{"prod.*", "shop"}, {"lan"}}));
    EXPECT_EQ(shim.valid_for, std::chrono::hours{720});
    const auto& ops = std::get<CreateToken>(decoded->actions[20]);
    EXPECT_EQ(ops.role, TokenRole::admin);
    EXPECT_EQ(ops.limits, TokenLimits{});
    EXPECT_FALSE(ops.valid_for);
    EXPECT_EQ(std::get<DeleteToken>(decoded->actions[21]).name, "shim");
}

TEST(Command, ANodesFactsComeBackAndOlderEntriesHaveNone) {
    RegisterNode node{"n1", {{"rack", "a"}}, {.weight = 50, .witness = true, .interfaces = {}}};
    node.facts.interfaces = {
        {"eth0", {*Prefix::parse("192.0.2.0/24"), *Prefix::parse("fd00::/64")}},
        {"eth1", {}, MacAddress{{2, 0, 0, 0, 0, 1}}}};
    const auto decoded = decode_command(encode({{}, {node}}));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(std::get<RegisterNode>(decoded->actions[0]).facts, node.facts);
    const auto old = decode_command(
        R"({"format":1,"at":1,"actions":[{"register_node":{"name":"n1","labels":{}}}]})");
    ASSERT_TRUE(old) << old.error().message;
    EXPECT_EQ(std::get<RegisterNode>(old->actions[0]).facts, NodeFacts{});
}

TEST(Command, ATokenExpiresWithinWhatAClockCanSay) {
    const auto expiry = [](WallTime expires) {
        const auto decoded = decode_command(encode({{}, {MakeJoinToken{"", expires}}}));
        return decoded ? std::get<MakeJoinToken>(decoded->actions[0]).expires : WallTime::min();
    };
    EXPECT_EQ(expiry(WallTime::max()), wall_time_max);
    EXPECT_EQ(expiry(WallTime::min()), WallTime{});
}

TEST(Command, RefusesWhatEncodeCannotHaveWritten) {
    for (
        const char* text : {
            "",
            "[]",
            "{}",
            R"({"format": 2, "at": 0, "actions": []})",
            R"({"format": 1, "actions": []})",
            R"({"format": 1, "at": -1, "actions": []})",
            R"({"format": 1, "at": 253402300800000, "actions": []})",
            R"({"format": 1, "at": 0})",
            R"({"format": 1, "at": 0, "actions": [], "more": 1})",
            R"({"format": 1, "at": 0, "actions": [{}]})",
            R"({"format": 1, "at": 0, "actions": [{"jump": {}}]})",
            R"({"format": 1, "at": 0, "actions": [{"advance_time": {"by": 1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"make_join_token": {"expires": -1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"make_join_token": {"expires": 253402300800000}}]})",
            R"({"format": 1, "at": 0, "actions": [{"make_join_token": {"hash": 1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"use_join_token": {"raft_id": "7"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"use_join_token": {"name": "n2"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"record_boot": {"number": -1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"record_boot": {"nonce": 18446744073709551616}}]})",
            R"({"format": 1, "at": 0, "actions": [{"remove_node": {"node": "n2"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"remove_node": []}]})",
            R"({"format": 1, "at": 0, "actions": [{"record_fence": {"epoch": -1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"record_fence": {"duration_ms": 4294967296}}]})",
            R"({"format": 1, "at": 0, "actions": [{"admit_node": {"epoch": 1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"admit_node": {"node": "00000000000000a1"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"create_token": {"role": "root"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"create_token": {"valid_for_s": -1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"create_token": {"token": "secret"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"delete_token": {"hash": "a"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"move_vip": {"vip": "web"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"rebalance": {"all": true}}]})",
            R"({"format": 1, "at": 0, "actions": [{"set_lease_profile": {"name": 1}}]})",
            R"({"format": 1, "at": 0, "actions": [{"register_node": {"interfaces": ["eth0"]}}]})",
            R"({"format": 1, "at": 0, "actions": [{"register_node": {"interfaces": [{"prefixes": ["192.0.2.1/24"]}]}}]})",
            R"({"format": 1, "at": 0, "actions": [{"put": {"kind": "pool"}}]})",
            R"({"format": 1, "at": 0, "actions": [{"put": {"kind": "tool", "object": {}}}]})",
            R"({"format": 1, "at": 0, "actions": [{"delete": {"kind": "vip"}, "put": {}}]})",
        })
        EXPECT_FALSE(decode_command(text)) << text;
}

TEST(Command, NamesTheFormatThatItCannotRead) {
    const auto decoded = decode_command(R"({"format": 9, "later": true})");
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().message.find("format 9"), std::string::npos);
}

TEST(Command, ANameThatIsNoUtf8DoesNotThrow) {
    const std::string text = encode({{}, {DeleteObject{{Kind::pool, "", "\xff"}, false}}});
    EXPECT_TRUE(decode_command(text));
}

}  // namespace
}  // namespace trivet
