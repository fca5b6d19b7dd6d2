#include "tests/api/request_cases.hpp"

namespace trivet::api::test {

namespace {

std::string get(const std::string& fields) {
    return "GET /v1/pools HTTP/1.1\r\nHost: lbd\r\n" + fields + "\r\n";
}

std::string post(const std::string& fields, const std::string& body) {
    return "POST /v1/pools HTTP/1.1\r\nHost: lbd\r\n" + fields + "\r\n" + body;
}

std::string line(const std::string& request_line) { return request_line + "\r\nHost: lbd\r\n\r\n"; }

std::string with_host(const std::string& host) {
    return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

std::string many_fields(int count) {
    std::string fields;
    for (int i = 1; i < count; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
    return get(fields);  // Host is one of them
}

const std::string chunks = "5\r\nhello\r\n0\r\n\r\n";

std::vector<RequestCase> framing_cases() {
    return {
        {"te_xchunked", post("Transfer-Encoding: xchunked\r\n", chunks), 400},
        {"te_chunked_identity", post("Transfer-Encoding: chunked, identity\r\n", chunks), 400},
        {"te_gzip_chunked", post("Transfer-Encoding: gzip, chunked\r\n", chunks), 400},
        {"te_identity", post("Transfer-Encoding: identity\r\n", chunks), 400},
        {"te_empty", post("Transfer-Encoding:\r\n", chunks), 400},
        {"te_quoted", post("Transfer-Encoding: \"chunked\"\r\n", chunks), 400},
        {"te_trailing_comma", post("Transfer-Encoding: chunked,\r\n", chunks), 400},
        {"te_parameter", post("Transfer-Encoding: chunked;q=1\r\n", chunks), 400},
        {"te_vertical_tab", post("Transfer-Encoding: \vchunked\r\n", chunks), 400},
        {"te_twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks),
         400},
        {"te_second_identity",
         post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunks), 400},
        {"te_in_http_1_0",
         "POST / HTTP/1.0\r\nHost: lbd\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 400},
        {"te_then_length", post("Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", chunks),
         400},
        {"length_then_te", post("Content-Length: 15\r\nTransfer-Encoding: chunked\r\n", chunks),
         400},
        {"length_equal_twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
        {"length_differs", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
        {"length_list", post("Content-Length: 5, 5\r\n", "hello"), 400},
        {"length_plus", post("Content-Length: +5\r\n", "hello"), 400},
        {"length_minus", post("Content-Length: -5\r\n", "hello"), 400},
        {"length_hex", post("Content-Length: 0x5\r\n", "hello"), 400},
        {"length_letters", post("Content-Length: five\r\n", "hello"), 400},
        {"length_inner_space", post("Content-Length: 5 5\r\n", "hello"), 400},
        {"length_empty", post("Content-Length:\r\n", "hello"), 400},
        {"length_fraction", post("Content-Length: 5.0\r\n", "hello"), 400},
        {"length_overflow", post("Content-Length: 18446744073709551621\r\n", "hello"), 413},
        {"length_over_limit", post("Content-Length: 1048577\r\n", ""), 413},
        {"trailer_announced", post("Transfer-Encoding: chunked\r\nTrailer: X-A\r\n", chunks), 400},
        {"connection_no_list", get("Connection: close keep-alive\r\n"), 400},
        {"connection_high_byte", get("Connection: close\xcd\r\n"), 400},
        {"expect_other", post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello"), 417},
        {"expect_twice",
         post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
         417},
    };
}

std::vector<RequestCase> host_and_target_cases() {
    const std::string long_target = "/" + std::string(2048, 'a');
    return {
        {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two_hosts", get("Host: other\r\n"), 400},
        {"two_equal_hosts", get("Host: lbd\r\n"), 400},
        {"two_hosts_1_0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"host_empty", with_host(""), 400},
        {"host_list", with_host("a, b"), 400},
        {"host_space", with_host("a b"), 400},
        {"host_slash", with_host("a/b"), 400},
        {"host_user", with_host("user@lbd"), 400},
        {"host_port_letters", with_host("lbd:http"), 400},
        {"host_port_long", with_host("lbd:748000"), 400},
        {"host_port_alone", with_host(":7480"), 400},
        {"host_bracket_open", with_host("[fd00::1"), 400},
        {"host_bracket_name", with_host("[lbd]"), 400},
        {"host_bracket_tail", with_host("[fd00::1]x"), 400},
        {"host_v6_bare", with_host("fd00::1"), 400},
        {"absolute_form", line("GET http://lbd/v1/pools HTTP/1.1"), 400},
        {"absolute_form_https", line("GET https://lbd/ HTTP/1.1"), 400},
        {"authority_form", line("CONNECT lbd:7480 HTTP/1.1"), 400},
        {"asterisk_form", line("OPTIONS * HTTP/1.1"), 400},
        {"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
        {"target_relative", line("GET v1/pools HTTP/1.1"), 400},
        {"target_fragment", line("GET /v1#x HTTP/1.1"), 400},
        {"target_backslash", line("GET /v1\\pools HTTP/1.1"), 400},
        {"target_quote", line("GET /\"v1\" HTTP/1.1"), 400},
        {"target_angle", line("GET /<v1> HTTP/1.1"), 400},
        {"target_high_byte", line("GET /\xc3\xa9 HTTP/1.1"), 400},
        {"target_tab", line("GET /\tv1 HTTP/1.1"), 400},
        {"target_two_spaces", line("GET  /v1 HTTP/1.1"), 400},
        {"target_trailing_space", line("GET /v1  HTTP/1.1"), 400},
        {"target_too_long", line("GET " + long_target + " HTTP/1.1"), 414},
        {"target_missing", line("GET HTTP/1.1"), 400},
        {"version_missing", line("GET /"), 400},
        {"version_0_9", line("GET / HTTP/0.9"), 400},
        {"version_1_2", line("GET / HTTP/1.2"), 400},
        {"version_2_0", line("GET / HTTP/2.0"), 400},
        {"version_lower_case", line("GET / http/1.1"), 400},
        {"version_1_01", line("GET / HTTP/1.01"), 400},
        {"version_other", line("GET / ICAP/1.0"), 400},
        {"method_empty", line(" / HTTP/1.1"), 400},
        {"method_brackets", line("G[T / HTTP/1.1"), 400},
    };
}

std::vector<RequestCase> byte_cases() {
    return {
        {"obs_fold_space", get("X-A: 1\r\n 2\r\n"), 400},
        {"obs_fold_tab", get("X-A: 1\r\n\t2\r\n"), 400},
        {"obs_fold_first", "GET / HTTP/1.1\r\n Host: lbd\r\n\r\n", 400},
        {"obs_fold_te", post("Transfer-Encoding:\r\n chunked\r\n", chunks), 400},
        {"bare_lf_lines", "GET / HTTP/1.1\nHost: lbd\n\n", 400},
        {"bare_lf_one", "GET / HTTP/1.1\r\nHost: lbd\nX-A: 1\r\n\r\n", 400},
        {"bare_lf_at_end", "GET / HTTP/1.1\r\nHost: lbd\r\n\n", 400},
        {"bare_cr", get("X-A: 1\r2\r\n"), 400},
        {"cr_cr_lf", "GET / HTTP/1.1\r\nHost: lbd\r\r\n\r\n", 400},
        {"nul_in_value", get(std::string("X-A: 1\0", 7) + "2\r\n"), 400},
        {"nul_in_target", line(std::string("GET /\0", 6) + " HTTP/1.1"), 400},
        {"control_in_value", get("X-A: \x01\r\n"), 400},
        {"escape_in_value", get("X-A: \x1b[31m\r\n"), 400},
        {"delete_in_value", get("X-A: \x7f\r\n"), 400},
        {"tls_client_hello", "\x16\x03\x01\x02" + std::string(200, 'x'), 400},
        {"space_before_colon", get("X-A : 1\r\n"), 400},
        {"tab_before_colon", get("X-A\t: 1\r\n"), 400},
        {"te_space_before_colon", post("Transfer-Encoding : chunked\r\n", chunks), 400},
        {"no_colon", get("X-A\r\n"), 400},
        {"empty_name", get(": 1\r\n"), 400},
        {"name_with_space", get("X A: 1\r\n"), 400},
        {"name_with_slash", get("X/A: 1\r\n"), 400},
        {"name_with_high_byte", get("X-\xc3\xa9: 1\r\n"), 400},
        {"too_many_fields", many_fields(101), 431},
        {"head_too_long", get("X-A: " + std::string(16 * 1024, 'a') + "\r\n"), 431},
        {"head_never_ends", "GET / HTTP/1.1\r\nX-A: " + std::string(20 * 1024, 'a'), 431},
        {"two_empty_lines_first", "\r\n\r\nGET / HTTP/1.1\r\nHost: lbd\r\n\r\n", 400},
    };
}

std::vector<RequestCase> accepted_cases() {
    return {
        {"plain_get", get("")},
        {"get_1_0_without_host", "GET / HTTP/1.0\r\n\r\n"},
        {"host_port", with_host("lbd:7480")},
        {"host_v4", with_host("192.0.2.1:7480")},
        {"host_v6", with_host("[2001:db8::1]:7480")},
        {"host_v6_mapped", with_host("[::ffff:192.0.2.1]")},
        {"host_underscore", with_host("my_host.example")},
        {"target_escapes", line("GET /v1/vips/a%20b?limit=5&object=vip/default/web HTTP/1.1")},
        {"target_at_limit", line("GET /" + std::string(2047, 'a') + " HTTP/1.1")},
        {"fields_at_limit", many_fields(100)},
        {"value_with_tab", get("X-A: 1\t2\r\n")},
        {"value_empty", get("X-A:\r\n")},
        {"value_high_byte", get("User-Agent: caf\xc3\xa9\r\n")},
        {"no_space_after_colon", "GET / HTTP/1.1\r\nHost:lbd\r\n\r\n"},
        {"te_trailers_wish", get("TE: trailers\r\n")},
        {"length", post("Content-Length: 5\r\n", "hello")},
        {"length_zero", post("Content-Length: 0\r\n", "")},
        {"length_leading_zeros", post("Content-Length: 0005\r\n", "hello")},
        {"length_blanks_around", post("Content-Length: \t5 \r\n", "hello")},
        {"chunked", post("Transfer-Encoding: chunked\r\n", chunks)},
        {"chunked_upper_case", post("TRANSFER-ENCODING: Chunked\r\n", chunks)},
        {"upgrade_ignored", get("Connection: Upgrade\r\nUpgrade: h2c\r\n")},
        {"unknown_method", line("BREW /pot HTTP/1.1")},
        {"one_empty_line_first", "\r\nGET / HTTP/1.1\r\nHost: lbd\r\n\r\n"},
        {"expect_1_0_ignored",
         "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"},
    };
}

}  // namespace

std::vector<RequestCase> head_cases() {
    std::vector<RequestCase> cases = framing_cases();
    for (auto part : {host_and_target_cases(), byte_cases(), accepted_cases()})
        cases.insert(cases.end(), part.begin(), part.end());
    return cases;
}

std::vector<RequestCase> body_cases() {
    const auto chunked = [](const std::string& body) {
        return post("Transfer-Encoding: chunked\r\n", body);
    };
    return {
        {"extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), 400},
        {"extension_without_value", chunked("5;a\r\nhello\r\n0\r\n\r\n"), 400},
        {"extension_of_64_kib",
         chunked("5;a=" + std::string(64 * 1024, 'b') + "\r\nhello\r\n0\r\n\r\n"), 400},
        {"extension_on_last_chunk", chunked("5\r\nhello\r\n0;a=b\r\n\r\n"), 400},
        {"space_after_size", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
        {"space_before_size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
        {"trailer", chunked("5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n"), 400},
        {"trailer_authorization", chunked("0\r\nAuthorization: Bearer x\r\n\r\n"), 400},
        {"size_bare_lf", chunked("5\nhello\r\n0\r\n\r\n"), 400},
        {"data_bare_lf", chunked("5\r\nhello\n0\r\n\r\n"), 400},
        {"end_bare_lf", chunked("5\r\nhello\r\n0\r\n\n"), 400},
        {"size_short", chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_long", chunked("6\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_signed", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_negative", chunked("-1\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_prefixed", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_missing", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
        {"size_huge", chunked("fffffffffffffffff\r\n"), 400},
        {"size_over_limit", chunked("100001\r\n"), 413},
        {"sum_over_limit", chunked("5\r\nhello\r\nffffc\r\n"), 413},
    };
}

}  // namespace trivet::api::test
