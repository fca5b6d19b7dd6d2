#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// How to reach and to convince one API server. A value.
struct KubeAccess {
    std::string host;  // without brackets
    std::uint16_t port = 443;
    bool tls = true;          // false: http, to a loopback address alone (kubectl proxy)
    std::string base_path;    // of the server's URL, without a slash at its end
    std::string server_name;  // that the certificate must have; empty: the host
    std::string ca_pem;       // empty: what the system trusts
    std::string certificate_pem, key_pem;  // of the client; empty: none
    std::string token;                     // bearer; empty: none, or in token_file
    std::string token_file;                // read again and again, because it is rotated
    std::string title;                     // "https://10.0.0.1:6443"
};

/// Of a kubeconfig file; `context` empty: its current-context. What would need another program
/// (exec, auth-provider), or give up the certificate's check, is refused. Paths in it are relative
/// to its directory. Errors: invalid_argument, naming file and field, and what to do; not_found, a
/// file or a context is not there.
Result<KubeAccess> read_kubeconfig(const std::string& file, const std::string& context);

/// Of the service account of the pod that this runs in.
/// `environment` is getenv(); `directory` is where Kubernetes mounts the account. Errors:
/// not_found, this is no pod.
Result<KubeAccess> in_cluster_access(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

/// A whole file of at most 1 MiB. Errors: not_found, not_allowed, too_large, naming the file.
Result<std::string> read_small_file(const std::string& file);

}  // namespace trivet::cloud
