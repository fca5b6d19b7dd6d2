#pragma once
#include <string>

#include "api/model/objects.hpp"

/// What every client of the REST API makes of an answer, however it came.
namespace trivet::model {

/// The JSON of a successful answer (null for an empty body).
/// Errors: what the server's problem (RFC 9457) says; for a body that is not JSON what the status
/// stands for, or internal.
Result<nlohmann::json> read_rest_answer(unsigned status, const std::string& body);

/// What an HTTP status says where no problem says more: internal when it is none of ours.
ErrorCode code_of_status(unsigned status);

/// Random, one for each change: what is sent twice under it takes effect once.
std::string make_idempotency_key();

}  // namespace trivet::model
