#pragma once
#include <memory>
#include <string>

#include "cloud/shim/kube_access.hpp"
#include "cloud/shim/options.hpp"
#include "cloud/shim/trivet_client.hpp"

/// What options and files say about servers, as origins that can be called.
namespace trivet::cloud {

/// A token in a file that others replace: read again when it is older than a minute. One strand.
class TokenFile {
public:
    explicit TokenFile(std::string file) : file_(std::move(file)) {}
    /// Errors: those of read_small_file(), when there is no earlier content either;
    /// invalid_argument, it is empty.
    Result<std::string> read(Instant now);

private:
    static constexpr std::chrono::minutes believed_for{1};
    std::string file_;
    std::string token_;
    std::optional<Instant> read_at_;
};

/// Errors: invalid_argument, certificate or key cannot be used.
Result<std::shared_ptr<const HttpOrigin>> kube_origin(const KubeAccess& access);
/// Errors: those of the token's file.
Result<TrivetClient::Origins> trivet_origins(const ShimOptions& options);

}  // namespace trivet::cloud
