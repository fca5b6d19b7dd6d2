#include "cloud/shim/origins.hpp"

#include <fmt/format.h>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace {

using TokenReader = std::function<Result<std::string>()>;

TokenReader token_reader(const std::string& file) {
    return [source = std::make_shared<TokenFile>(file)] { return source->read(boot_now()); };
}

}  // namespace

Result<std::string> TokenFile::read(Instant now) {
    if (read_at_ && now < *read_at_ + believed_for) return token_;
    auto content = read_small_file(file_);
    if (!content && token_.empty()) return fail(content.error());
    read_at_ = now;
    if (!content) return token_;  // it is being replaced, or gone: the server will say
    const auto begin = content->find_first_not_of(" \t\r\n");
    if (begin == std::string::npos)
        return fail(ErrorCode::invalid_argument, fmt::format("token file '{}' is empty", file_));
    token_ = content->substr(begin, content->find_last_not_of(" \t\r\n") + 1 - begin);
    return token_;
}

Result<std::shared_ptr<const HttpOrigin>> kube_origin(const KubeAccess& access) {
    HttpOrigin::Tcp place{
        .host = access.host, .port = access.port, .server_name = access.server_name};
    if (access.tls) {
        const auto pem = std::make_shared<const model::PemTrust>(
            model::PemTrust{access.ca_pem, access.certificate_pem, access.key_pem,
                            "correct certificate-authority-data in the kubeconfig"});
        if (const auto usable = model::TlsTrust::make(*pem); !usable) return fail(usable.error());
        place.trust = [pem] { return model::TlsTrust::make(*pem); };
    }
    auto origin = std::make_shared<HttpOrigin>();
    origin->title = access.title;
    origin->place = std::move(place);
    origin->base_path = access.base_path;
    if (!access.token_file.empty())
        origin->token = token_reader(access.token_file);
    else if (!access.token.empty())
        origin->token = [token = access.token]() -> Result<std::string> { return token; };
    return origin;
}

Result<TrivetClient::Origins> trivet_origins(const ShimOptions& options) {
    TokenReader token;
    if (!options.token_file.empty()) {
        token = token_reader(options.token_file);
        if (const auto usable = token(); !usable) return fail(usable.error());
    }
    TrivetClient::Origins origins;
    for (const model::Server& server : options.servers) {
        auto origin = std::make_shared<HttpOrigin>();
        if (const auto* local = std::get_if<model::UnixServer>(&server)) {
            origin->title = local->path;
            origin->place = HttpOrigin::Unix{local->path};
        } else {
            const auto& tls = std::get<model::TlsServer>(server);
            if (const auto usable = model::TlsTrust::make(tls); !usable)
                return fail(usable.error());
            HttpOrigin::Tcp place{.host = tls.host, .port = tls.port};
            place.trust = [tls] { return model::TlsTrust::make(tls); };
            origin->place = std::move(place);
            origin->token = token;
            origin->title = "https://" + origin->host_header();
        }
        origins.push_back(std::move(origin));
    }
    return origins;
}

}  // namespace trivet::cloud
