#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace trivet::daemon {

/// The names and addresses that a node's certificate is good for.
struct CertificateNames {
    std::vector<std::string> dns;
    std::vector<std::string> addresses;
    bool operator==(const CertificateNames&) const = default;
};

/// The cluster's certificate authority and this node's certificate, as files in <data_dir>/pki:
/// ca.crt, ca.key, node.crt, node.key (keys mode 0600). ECDSA P-256, RFC 5280. Not thread-safe.
class Pki {
public:
    explicit Pki(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// Makes a new authority. Replaces one that is there, so call it only where no cluster exists.
    Result<void> create_authority(const std::string& cluster_id, WallTime now);
    /// Issues this node's certificate anew.
    Result<void> issue_node_certificate(const std::string& node, const CertificateNames& names,
                                        WallTime now);
    /// True when the node's certificate is missing, lacks one of the names, or has less than a
    /// third of its life left.
    Result<bool> node_certificate_is_due(const CertificateNames& names, WallTime now) const;

    /// Takes over the authority of a cluster that let this node in, in place of any other.
    /// Errors: invalid_argument, it is no pair, or not the one with this hash.
    Result<void> adopt_authority(const std::string& certificate_pem, const std::string& key_pem,
                                 const std::string& expected_hash);
    /// PEM, for a node that was let in.
    Result<std::string> ca_key() const;
    /// It has a certificate of its own.
    bool has_identity() const;

    /// "sha256:<hex>" of the CA certificate's DER form, what a joining node and lbctl pin.
    Result<std::string> ca_hash() const;

    std::filesystem::path ca_certificate() const { return directory_ / "ca.crt"; }
    std::filesystem::path node_certificate() const { return directory_ / "node.crt"; }
    std::filesystem::path node_key() const { return directory_ / "node.key"; }

private:
    Result<void> make_directory() const;

    std::filesystem::path directory_;
};

/// 256 random bits as text, prefixed so that people and secret scanners recognise it: "trivet_...".
std::string make_token();
/// Hex SHA-256: what the cluster keeps of a token. A random token needs no slow hash.
std::string token_hash(const std::string& token);
/// A random UUID (RFC 9562 version 4).
std::string make_cluster_id();

}  // namespace trivet::daemon
