#include "cloud/shim/vip_mirror.hpp"

#include <fmt/format.h>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/model/rest_answer.hpp"
#include "api/model/rest_client.hpp"
#include "cloud/json_reader.hpp"
#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

constexpr Backoff::Limits backoff_limits{std::chrono::milliseconds(200), std::chrono::seconds(10)};
constexpr std::chrono::seconds head_timeout{15};
/// Bookmarks come every 15 s (docs/reference/api.md).
constexpr std::chrono::seconds silence_max{60};
constexpr std::size_t line_bytes_max = 1u << 20;
constexpr std::size_t refusal_bytes_max = 64 * 1024;
constexpr std::size_t items_max = 1'000'000;
constexpr std::size_t page_size = 250;  // some have 3,000 backends

}  // namespace

VipMirror::VipMirror(asio::any_io_executor executor, TrivetClient::Origins servers,
                     TrivetClient& client, std::string cluster, std::uint64_t random_seed,
                     Callbacks callbacks)
    : servers_(std::move(servers)),
      client_(client),
      cluster_(std::move(cluster)),
      callbacks_(std::move(callbacks)),
      executor_(executor),
      timer_(executor),
      backoff_(backoff_limits, random_seed) {}

const KnownVip* VipMirror::find(const ObjectKey& key) const {
    const auto found = vips_.find(key);
    return found == vips_.end() ? nullptr : &found->second;
}

std::vector<TrivetNode> VipMirror::nodes() const {
    std::vector<TrivetNode> nodes;
    for (const auto& [name, node] : nodes_) nodes.push_back(node);
    return nodes;
}

void VipMirror::put(KnownVip vip) {
    const ObjectKey key = vip.key();
    const KnownVip* known = find(key);
    if (known != nullptr && known->revision > vip.revision) return;
    vips_.insert_or_assign(key, std::move(vip));
    callbacks_.on_vip(key);
}

void VipMirror::erase(const ObjectKey& key, std::uint64_t revision) {
    const KnownVip* known = find(key);
    if (known == nullptr || known->revision > revision) return;
    vips_.erase(key);
    callbacks_.on_vip(key);
}

void VipMirror::stop() {
    stopped_ = true;
    timer_.cancel();
    if (connection_) connection_->close();
}

asio::awaitable<void> VipMirror::run() {
    bool must_list = true;
    while (!stopped_) {
        Result<End> end = End::go_on;
        if (must_list) {
            const auto listed = co_await list();
            if (!listed) end = fail(listed.error());
            must_list = !listed;
        } else {
            end = co_await watch();
            must_list = end && *end == End::list_anew;
        }
        if (stopped_) break;
        if (end)
            failures_ = 0;
        else
            co_await pause(end.error());
    }
}

/// The next attempt asks another node.
asio::awaitable<void> VipMirror::pause(const Error& error) {
    if (last_error_.empty()) callbacks_.on_trouble(error.message);
    last_error_ = error.message;
    server_ = (server_ + 1) % servers_.size();
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        backoff_.delay(++failures_)));
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

// ---- list ---------------------------------------------------------------------------------------

/// A page at a time: neither side has to hold the text of all. Watching goes on from the revision
/// of the first, so that what changes between two pages is told again.
asio::awaitable<Result<std::map<ObjectKey, KnownVip>>> VipMirror::list_vips(
    std::uint64_t& revision) {
    const std::string from_first = fmt::format("/v1/vips?limit={}&namespace={}", page_size,
                                               model::percent_encode(cluster_ + ".*"));
    std::map<ObjectKey, KnownVip> listed;
    std::string target = from_first;
    for (std::size_t pages = 0; pages < items_max / page_size; ++pages) {
        const auto page = co_await client_.call("GET", target, "");
        if (!page) co_return fail(page.error());
        std::string next;
        JsonReader reader(*page);
        if (pages == 0) reader.integer("revision", revision, std::uint64_t{0}, UINT64_MAX);
        reader.text("continue", next);
        reader.list("items", page_size, [&listed](const json& item, std::string) -> Result<void> {
            auto vip = read_known_vip(item);
            if (!vip) return fail(vip.error());
            const ObjectKey key = vip->key();
            listed.insert_or_assign(key, std::move(*vip));
            return {};
        });
        if (auto finished = reader.finish(); !finished) co_return fail(finished.error());
        if (next.empty()) co_return listed;
        target = from_first + "&continue=" + model::percent_encode(next);
    }
    co_return fail(ErrorCode::too_large,
                   fmt::format("the list of VIPs does not end after {} items", items_max));
}

asio::awaitable<Result<void>> VipMirror::list() {
    std::uint64_t revision = 0;
    auto listed = co_await list_vips(revision);
    if (!listed) co_return fail(listed.error());
    const auto nodes = co_await client_.call("GET", "/v1/nodes", "");
    if (!nodes) co_return fail(nodes.error());
    std::map<std::string, TrivetNode> known_nodes;
    JsonReader of_nodes(*nodes);
    of_nodes.list("items", items_max, [&](const json& item, std::string path) -> Result<void> {
        auto node = read_trivet_node(item, path);
        if (!node) return fail(node.error());
        known_nodes.insert_or_assign(node->name, *node);
        return {};
    });
    if (auto finished = of_nodes.finish(); !finished) co_return fail(finished.error());

    std::set<ObjectKey> touched;
    for (const auto& [key, vip] : vips_) touched.insert(key);
    for (const auto& [key, vip] : *listed) touched.insert(key);
    vips_ = std::move(*listed);
    nodes_ = std::move(known_nodes);
    revision_ = revision;
    synced_ = true;
    last_error_.clear();
    callbacks_.on_nodes();
    for (const ObjectKey& key : touched) callbacks_.on_vip(key);
    co_return Result<void>{};
}

// ---- watch --------------------------------------------------------------------------------------

std::string VipMirror::watch_target() const {
    return fmt::format("/v1/watch?since={}&kinds=vip,node&namespace={}", revision_,
                       model::percent_encode(cluster_ + ".*"));
}

asio::awaitable<Result<VipMirror::End>> VipMirror::watch() {
    ++watches_;
    connection_ = std::make_unique<HttpConnection>(executor_, servers_[server_]);
    HttpCall call{.target = watch_target()};
    const auto head = co_await connection_->open(std::move(call), boot_now() + head_timeout);
    if (!head) co_return fail(head.error());
    if (head->status != 200)
        co_return co_await read_refusal(head->status, boot_now() + head_timeout);
    last_error_.clear();
    std::string received;
    while (!stopped_) {
        const auto piece = co_await connection_->read_some(boot_now() + silence_max);
        if (!piece) co_return fail(piece.error());
        // A node that stops, or took over the state from another.
        if (piece->empty())
            co_return fail(ErrorCode::unavailable,
                           servers_[server_]->title + ": the watch was ended");
        received += *piece;
        if (auto taken = take_lines(received); !taken) co_return fail(taken.error());
    }
    co_return End::go_on;
}

asio::awaitable<Result<VipMirror::End>> VipMirror::read_refusal(unsigned status, Instant deadline) {
    if (status == 410) co_return End::list_anew;
    std::string body;
    while (body.size() < refusal_bytes_max) {
        const auto piece = co_await connection_->read_some(deadline);
        if (!piece) co_return fail(piece.error());
        if (piece->empty()) break;
        body += *piece;
    }
    const auto refused = model::read_rest_answer(status, body);
    if (!refused) co_return fail(refused.error());
    co_return fail(ErrorCode::internal, fmt::format("{}: the watch was answered with HTTP {}",
                                                    servers_[server_]->title, status));
}

Result<void> VipMirror::take_lines(std::string& received) {
    std::size_t begin = 0;
    for (auto end = received.find('\n'); end != std::string::npos;
         end = received.find('\n', begin)) {
        const auto line = std::string_view(received).substr(begin, end - begin);
        if (auto taken = take_line(line); !taken) return taken;
        failures_ = 0;
        begin = end + 1;
    }
    received.erase(0, begin);
    if (received.size() > line_bytes_max)
        return fail(ErrorCode::too_large, fmt::format("a line of Trivet's watch has more than {} "
                                                      "bytes",
                                                      line_bytes_max));
    return {};
}

Result<void> VipMirror::take_line(std::string_view line) {
    const auto parsed = parse_json(line);
    if (!parsed) return fail(parsed.error());
    std::string type, kind;
    std::uint64_t revision = 0;
    JsonReader reader(*parsed);
    reader.text("type", type);
    reader.text("kind", kind);
    reader.integer("revision", revision, std::uint64_t{0}, UINT64_MAX);
    const bool is_put = type == "put";
    const bool tells_of_object = is_put || type == "delete";
    const json* object = reader.find("object");
    if (tells_of_object && object == nullptr) reader.refuse("object", "is missing");
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (tells_of_object) {
        if (kind == to_string(Kind::vip)) {
            if (auto taken = take_vip(*object, is_put); !taken) return taken;
        } else if (kind == to_string(Kind::node)) {
            if (auto taken = take_node(*object, is_put); !taken) return taken;
        }
    }
    revision_ = std::max(revision_, revision);
    return {};
}

Result<void> VipMirror::take_node(const json& object, bool is_put) {
    auto node = read_trivet_node(object, "object");
    if (!node) return fail(node.error());
    const auto known = nodes_.find(node->name);
    const bool is_known = known != nodes_.end();
    const bool changed = is_put ? !is_known || known->second != *node : is_known;
    if (!changed) return {};
    if (is_put)
        nodes_.insert_or_assign(node->name, *node);
    else
        nodes_.erase(known);
    callbacks_.on_nodes();
    return {};
}

Result<void> VipMirror::take_vip(const json& object, bool is_put) {
    if (is_put) {
        auto vip = read_known_vip(object);
        if (!vip) return fail(vip.error());
        put(std::move(*vip));
        return {};
    }
    ObjectKey key{Kind::vip, "", ""};
    JsonReader reader(object, "object");
    reader.text("namespace", key.name_space);
    reader.text("name", key.name);
    if (auto finished = reader.finish(); !finished) return finished;
    // Whatever its revision: should this node lag behind the one that answered a call, its next
    // lines put right what this one has taken away.
    if (vips_.erase(key) != 0) callbacks_.on_vip(key);
    return {};
}

}  // namespace trivet::cloud
