#pragma once
#include <string>
#include <vector>

namespace trivet::api::test {

/// One raw request and the status that refuses it; 0: it is accepted.
struct RequestCase {
    std::string name;
    std::string bytes;
    unsigned status = 0;
};

/// Refused by the head alone.
std::vector<RequestCase> head_cases();
/// Accepted by the head, refused by the body.
std::vector<RequestCase> body_cases();

}  // namespace trivet::api::test
