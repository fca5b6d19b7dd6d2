#pragma once
#include <string_view>

#include <nlohmann/json.hpp>

namespace trivet::api {

/// The interface as an OpenAPI 3.1 document, made of the route table and the schemas.
const nlohmann::json& openapi_document();

/// The schemas of bodies and answers, as JSON text (JSON Schema 2020-12, as OpenAPI 3.1 has it).
extern const std::string_view openapi_schemas_text;

}  // namespace trivet::api
