#include "api/request_check.hpp"

#include <gtest/gtest.h>

#include "api/chunked_body.hpp"
#include "api/request_head.hpp"
#include "api/request_target.hpp"
#include "tests/api/request_cases.hpp"

namespace trivet::api::test {

namespace {

/// The verdict on the head, as the session comes to it.
unsigned verdict(std::string_view bytes) {
    if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    HeadScanner scanner(RequestLimits{}.header_bytes);
    const auto end = scanner.scan(bytes);
    if (!end) return end.error().status;
    EXPECT_TRUE(end->has_value()) << "the head did not end";
    const auto head = parse_head(bytes.substr(0, end->value_or(0)), RequestLimits{});
    return head ? 0 : head.error().status;
}

class RequestHeads : public testing::TestWithParam<RequestCase> {};
class RequestBodies : public testing::TestWithParam<RequestCase> {};

std::string name_of(const testing::TestParamInfo<RequestCase>& info) { return info.param.name; }

}  // namespace

TEST_P(RequestHeads, GetTheirVerdict) { EXPECT_EQ(verdict(GetParam().bytes), GetParam().status); }

TEST_P(RequestHeads, GetTheSameVerdictByteByByte) {
    std::string_view bytes = GetParam().bytes;
    if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    HeadScanner scanner(RequestLimits{}.header_bytes);
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
        const auto end = scanner.scan(bytes.substr(0, size));
        if (!end) {
            EXPECT_EQ(end.error().status, GetParam().status);
            return;
        }
        if (!*end) continue;
        EXPECT_EQ(**end, size);
        const auto checked = check_head(bytes.substr(0, size), RequestLimits{});
        EXPECT_EQ(checked ? 0 : checked.error().status, GetParam().status);
        return;
    }
    FAIL() << "the head did not end";
}

INSTANTIATE_TEST_SUITE_P(Table, RequestHeads, testing::ValuesIn(head_cases()), name_of);

TEST_P(RequestBodies, AreRefusedWhateverTheirPieces) {
    const std::string_view bytes = GetParam().bytes;
    const auto body = bytes.substr(bytes.find("\r\n\r\n") + 4);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, body.size()}) {
        ChunkedBody chunks(RequestLimits{}.body_bytes);
        std::string data;
        unsigned status = 0;
        for (std::size_t at = 0; at < body.size() && status == 0; at += piece) {
            const auto used = chunks.on_bytes(body.substr(at, piece), data);
            if (!used) status = used.error().status;
        }
        EXPECT_EQ(status, GetParam().status) << "in pieces of " << piece;
    }
}

INSTANTIATE_TEST_SUITE_P(Table, RequestBodies, testing::ValuesIn(body_cases()), name_of);

TEST(ChunkedBody, RefusesAnExtensionAtItsFirstByte) {
    ChunkedBody chunks(100);
    std::string data;
    EXPECT_TRUE(chunks.on_bytes("5", data));
    EXPECT_FALSE(chunks.on_bytes(";", data));
}

TEST(ChunkedBody, LeavesWhatFollowsTheBody) {
    ChunkedBody chunks(100);
    std::string data;
    const std::string_view body = "5\r\nhello\r\n00a\r\n, worlds. \r\n0\r\n\r\nGET / HTTP/1.1";
    EXPECT_EQ(chunks.on_bytes(body, data), body.find("GET"));
    EXPECT_TRUE(chunks.done());
    EXPECT_EQ(data, "hello, worlds. ");
}

TEST(ChunkedBody, TakesExactlyTheLimit) {
    ChunkedBody chunks(8);
    std::string data;
    EXPECT_TRUE(chunks.on_bytes("5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n", data));
    EXPECT_TRUE(chunks.done());
    ChunkedBody one_more(8);
    EXPECT_EQ(one_more.on_bytes("5\r\nhello\r\n4\r\n", data).error().status, 413u);
}

TEST(RequestCheck, SaysHowTheBodyIsDelimited) {
    const auto framing_of = [](std::string_view fields) {
        return check_head("PUT / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n", {})
            .value();
    };
    EXPECT_EQ(framing_of("Content-Length: 17\r\n").content_length, 17u);
    EXPECT_FALSE(framing_of("Content-Length: 17\r\n").chunked);
    EXPECT_TRUE(framing_of("Transfer-Encoding: chunked\r\n").chunked);
    EXPECT_FALSE(framing_of("Transfer-Encoding: chunked\r\n").content_length);
    EXPECT_FALSE(framing_of("").content_length);
    EXPECT_TRUE(framing_of("Expect: 100-Continue\r\n").expect_continue);
}

TEST(RequestCheck, RefusesAHeadWithoutItsEnd) {
    EXPECT_FALSE(check_head("", {}));
    EXPECT_FALSE(check_head("GET / HTTP/1.1", {}));
    EXPECT_FALSE(check_head("GET / HTTP/1.1\r\nHost: a\r\n", {}));
    EXPECT_FALSE(check_head("GET / HTTP/1.1\r\nHost: a", {}));
}

TEST(RequestHead, CarriesWhatTheRequestSays) {
    const auto head = parse_head(
        "DELETE /v1/vips/a%2Db/web?force=true&x=1+2%26 HTTP/1.1\r\nHost: lbd\r\nX-List: 1\r\n"
        "Connection: close\r\nx-list: 2\r\n\r\n",
        {});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->request.method, "DELETE");
    EXPECT_EQ(head->request.path, (std::vector<std::string>{"v1", "vips", "a-b", "web"}));
    EXPECT_EQ(head->request.query.at("force"), "true");
    EXPECT_EQ(head->request.query.at("x"), "1 2&");
    EXPECT_EQ(head->request.headers.at("x-list"), "1, 2");
    EXPECT_EQ(head->request.headers.at("host"), "lbd");
    EXPECT_FALSE(head->keep_alive);
    EXPECT_EQ(head->minor_version, 1);
}

TEST(RequestHead, KeepsAliveAsTheVersionsDo) {  // RFC 9112 section 9.3
    EXPECT_TRUE(parse_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {})->keep_alive);
    EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n", {})->keep_alive);
    EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {})->keep_alive);
}

struct TargetCase {
    std::string_view target;
    unsigned status;
};

TEST(RequestTarget, RefusesWhatCannotBeAPath) {
    for (const auto& [target, status] : std::vector<TargetCase>{
             {"/v1/pools/", 404}, {"//v1", 404},     {"/v1//pools", 404},
             {"/v1/.", 400},      {"/v1/../x", 400}, {"/v1/%2e%2e/x", 400},
             {"/a%2fb", 400},     {"/a%00b", 400},   {"/a%0d%0ab", 400},
             {"/a%7fb", 400},     {"/a%09b", 400},   {"/a%2", 400},
             {"/a%", 400},        {"/a%zz", 400},    {"/?a=%f", 400},
             {"/?a=1&a=2", 400},  {"/?a=%00", 400},  {"/", 0},
             {"/v1", 0},          {"/v1?", 0},       {"/v1?a&b=&&c=d", 0},
             {"/caf%c3%a9", 0},
         }) {
        const auto parsed = parse_target(target);
        EXPECT_EQ(parsed ? 0 : parsed.error().status, status) << target;
    }
    std::string many = "/?";
    for (int i = 0; i < 33; ++i) many += "p" + std::to_string(i) + "=1&";
    EXPECT_FALSE(parse_target(many));
}

}  // namespace trivet::api::test
