#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "cloud/backoff.hpp"
#include "cloud/node_map.hpp"
#include "cloud/shim/trivet_client.hpp"

namespace trivet::cloud {

/// The VIPs of one Kubernetes cluster and the nodes as Trivet has them: listed, then followed with
/// GET /v1/watch through one node after another, from the revision that was reached. Losing all
/// nodes loses nothing of it. Single-threaded; run() must have returned before it is destroyed.
class VipMirror {
public:
    struct Callbacks {
        std::function<void(const ObjectKey&)> on_vip;  // it is new, different or gone
        std::function<void()> on_nodes;
        std::function<void(const std::string&)> on_trouble;  // once each time it begins
    };

    VipMirror(boost::asio::any_io_executor executor, TrivetClient::Origins servers,
              TrivetClient& client, std::string cluster, std::uint64_t random_seed,
              Callbacks callbacks);

    /// Until stop().
    boost::asio::awaitable<void> run();
    void stop();

    bool synced() const { return synced_; }
    const std::string& last_error() const { return last_error_; }  // empty: all is well
    const std::map<ObjectKey, KnownVip>& vips() const { return vips_; }
    const KnownVip* find(const ObjectKey& key) const;
    std::vector<TrivetNode> nodes() const;
    std::uint64_t watches() const { return watches_; }

    /// What Trivet answered to a call; an older state than the one that is known is passed over.
    void put(KnownVip vip);
    /// Trivet answered that it is gone, to a call that was made when it had this revision.
    void erase(const ObjectKey& key, std::uint64_t revision);

private:
    enum class End : std::uint8_t { list_anew, go_on };

    boost::asio::awaitable<Result<void>> list();
    /// `revision`: at which they are to be watched from.
    boost::asio::awaitable<Result<std::map<ObjectKey, KnownVip>>> list_vips(
        std::uint64_t& revision);
    boost::asio::awaitable<Result<End>> watch();
    boost::asio::awaitable<Result<End>> read_refusal(unsigned status, Instant deadline);
    Result<void> take_lines(std::string& received);
    Result<void> take_line(std::string_view line);
    Result<void> take_vip(const nlohmann::json& object, bool is_put);
    Result<void> take_node(const nlohmann::json& object, bool is_put);
    boost::asio::awaitable<void> pause(const Error& error);
    std::string watch_target() const;

    TrivetClient::Origins servers_;
    TrivetClient& client_;
    std::string cluster_;
    Callbacks callbacks_;
    boost::asio::any_io_executor executor_;
    boost::asio::steady_timer timer_;
    Backoff backoff_;
    std::unique_ptr<HttpConnection> connection_;
    std::size_t server_ = 0;
    std::map<ObjectKey, KnownVip> vips_;
    std::map<std::string, TrivetNode> nodes_;  // by name
    std::uint64_t revision_ = 0;
    unsigned failures_ = 0;
    bool synced_ = false;
    bool stopped_ = false;
    std::string last_error_;
    std::uint64_t watches_ = 0;
};

}  // namespace trivet::cloud
