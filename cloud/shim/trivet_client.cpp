#include "cloud/shim/trivet_client.hpp"

#include "api/model/rest_answer.hpp"
#include "api/model/rest_client.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

constexpr std::size_t list_bytes_max = 256u << 20;  // as lbctl
// Shorter than a Kubernetes call: there is another node to ask.
constexpr std::chrono::seconds call_timeout{15};

std::string target_of(const ObjectKey& key) {
    return model::url_path({"v1", "vips", key.name_space, key.name});
}

/// Another node may do better.
bool is_of_this_node(ErrorCode code) {
    return code == ErrorCode::unavailable || code == ErrorCode::not_leader ||
           code == ErrorCode::timeout || code == ErrorCode::insufficient_storage;
}

Result<KnownVip> known(Result<json> answer) {
    if (!answer) return fail(std::move(answer).error());
    return read_known_vip(*answer);
}

}  // namespace

TrivetClient::TrivetClient(asio::any_io_executor executor, Origins servers,
                           std::size_t connections) {
    for (auto& server : servers)
        servers_.push_back(
            std::make_unique<HttpClient>(executor, std::move(server),
                                         HttpClient::Limits{.timeout = call_timeout,
                                                            .body_bytes_max = list_bytes_max,
                                                            .idle_max = connections}));
}

TrivetClient::Waiting<json> TrivetClient::call(std::string method, std::string target,
                                               std::string body) {
    HttpCall request{
        .method = std::move(method), .target = std::move(target), .body = std::move(body)};
    if (!request.body.empty()) request.content_type = "application/json";
    if (request.method != "GET")
        request.headers.emplace_back("Idempotency-Key", model::make_idempotency_key());
    Result<json> result = fail(ErrorCode::unavailable, "no server of Trivet is known");
    const std::size_t first = current_;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const std::size_t number = (first + i) % servers_.size();
        HttpCall again = request;
        const auto answer = co_await servers_[number]->call(std::move(again));
        if (answer)
            result = model::read_rest_answer(answer->head.status, answer->body);
        else
            result = fail(answer.error());
        if (result || !is_of_this_node(result.error().code)) {
            current_ = number;
            break;
        }
    }
    co_return result;
}

TrivetClient::Waiting<KnownVip> TrivetClient::get_vip(ObjectKey key) {
    co_return known(co_await call("GET", target_of(key), ""));
}

TrivetClient::Waiting<KnownVip> TrivetClient::put_vip(PutVip put) {
    json body = to_json(Object(put.vip));
    std::string method = "POST";
    std::string target = model::url_path({"v1", "vips", put.vip.name_space});
    if (put.revision) {
        body["revision"] = *put.revision;
        method = "PUT";
        target = target_of({Kind::vip, put.vip.name_space, put.vip.name});
    }
    co_return known(co_await call(std::move(method), std::move(target), body.dump()));
}

TrivetClient::Waiting<void> TrivetClient::erase_vip(ObjectKey key) {
    const auto answer = co_await call("DELETE", target_of(key), "");
    if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
    co_return Result<void>{};
}

void TrivetClient::close() {
    for (const auto& server : servers_) server->close();
}

std::uint64_t TrivetClient::requests() const {
    std::uint64_t count = 0;
    for (const auto& server : servers_) count += server->calls();
    return count;
}

}  // namespace trivet::cloud
