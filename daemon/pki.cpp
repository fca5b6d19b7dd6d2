#include "daemon/pki.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <optional>

#include <sys/stat.h>

#include "announce/durable_file.hpp"
#include "core/assert.hpp"

namespace trivet::daemon {

namespace {

using namespace std::chrono_literals;

// The authority must outlive the machines; a node's certificate is renewed by lbd itself.
constexpr std::chrono::days ca_life{3650};
constexpr std::chrono::days node_life{365};
constexpr std::chrono::hours clock_slack{24};  // other machines' clocks may be behind ours
constexpr std::size_t pem_bytes_max = 64 * 1024;

template <auto free_function>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

std::string openssl_reason() {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    return text.data();
}

auto openssl_failure(std::string_view what) {
    return fail(ErrorCode::internal, fmt::format("cannot {}: {}", what, openssl_reason()));
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio.get());
}

Certificate parse_certificate(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key parse_key(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

Result<Certificate> read_certificate(const std::filesystem::path& path) {
    auto text = announce::read_file(path, pem_bytes_max);
    if (!text) return fail(text.error());
    Certificate certificate = parse_certificate(*text);
    if (!certificate)
        return fail(ErrorCode::corrupt, path.string() +
                                            " holds no certificate: " + openssl_reason() +
                                            "; restore it from a backup of the data directory");
    return certificate;
}

Result<Key> read_key(const std::filesystem::path& path) {
    auto text = announce::read_file(path, pem_bytes_max);
    if (!text) return fail(text.error());
    Key key = parse_key(*text);
    if (!key)
        return fail(ErrorCode::corrupt, path.string() +
                                            " holds no private key: " + openssl_reason() +
                                            "; restore it from a backup of the data directory");
    return key;
}

bool set_time(ASN1_TIME* field, WallTime when) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
    return ASN1_TIME_set(field, seconds) != nullptr;
}

WallTime time_of(const ASN1_TIME* field) {
    tm parts{};
    ASN1_TIME_to_tm(field, &parts);
    return WallTime{std::chrono::seconds{timegm(&parts)}};
}

struct Template {
    std::string common_name;
    WallTime not_before;
    WallTime not_after;
};

/// A version 3 certificate (RFC 5280 section 4.1) for `key`, not yet signed.
Certificate start_certificate(const Template& wanted, EVP_PKEY* key) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    std::array<unsigned char, 16> serial{};  // RFC 5280 section 4.1.2.2: unique and positive
    RAND_bytes(serial.data(), static_cast<int>(serial.size()));
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);
    BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
    BN_free(number);
    set_time(X509_getm_notBefore(certificate.get()), wanted.not_before);
    set_time(X509_getm_notAfter(certificate.get()), wanted.not_after);
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    const auto* name = reinterpret_cast<const unsigned char*>(wanted.common_name.data());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name,
                               static_cast<int>(wanted.common_name.size()), -1, 0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

std::string subject_alternative_names(const CertificateNames& names) {
    std::string text;
    for (const std::string& name : names.dns) text += (text.empty() ? "DNS:" : ",DNS:") + name;
    for (const std::string& address : names.addresses)
        text += (text.empty() ? "IP:" : ",IP:") + address;
    return text;
}

bool covers(X509* certificate, const CertificateNames& names) {
    const auto has_address = [&](const std::string& address) {
        return X509_check_ip_asc(certificate, address.c_str(), 0) == 1;
    };
    const auto has_name = [&](const std::string& name) {
        return X509_check_host(certificate, name.data(), name.size(),
                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
    };
    return std::ranges::all_of(names.addresses, has_address) &&
           std::ranges::all_of(names.dns, has_name);
}

std::string hex(std::span<const unsigned char> bytes) {
    return fmt::format("{:02x}", fmt::join(bytes, ""));
}

Result<std::string> hash_of(X509* certificate) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1)
        return openssl_failure("hash the authority's certificate");
    return "sha256:" + hex(digest);
}

}  // namespace

Result<void> Pki::make_directory() const {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error)
        return fail(ErrorCode::unavailable,
                    "cannot create " + directory_.string() + ": " + error.message());
    ::chmod(directory_.c_str(), 0700);
    return {};
}

Result<void> Pki::adopt_authority(const std::string& certificate_pem, const std::string& key_pem,
                                  const std::string& expected_hash) {
    const Certificate certificate = parse_certificate(certificate_pem);
    const Key key = parse_key(key_pem);
    if (!certificate || !key || X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        return fail(ErrorCode::invalid_argument,
                    "the other node sent no certificate authority that can be used");
    }
    const auto hash = hash_of(certificate.get());
    if (!hash) return fail(hash.error());
    if (*hash != expected_hash)
        return fail(ErrorCode::invalid_argument,
                    "the other node sent an authority with the hash " + *hash +
                        ", not the one asked for; nothing was changed");
    if (auto made = make_directory(); !made) return made;
    if (auto written = announce::write_durably(directory_ / "ca.key", pem_of(key.get()), 0600);
        !written)
        return written;
    return announce::write_durably(ca_certificate(), pem_of(certificate.get()), 0644);
}

Result<std::string> Pki::ca_key() const {
    return announce::read_file(directory_ / "ca.key", pem_bytes_max);
}

bool Pki::has_identity() const {
    std::error_code ignored;  // what cannot be looked at cannot be used
    return std::filesystem::exists(node_certificate(), ignored) &&
           std::filesystem::exists(ca_certificate(), ignored);
}

Result<void> Pki::create_authority(const std::string& cluster_id, WallTime now) {
    if (auto made = make_directory(); !made) return made;
    const Key key(EVP_EC_gen("P-256"));
    if (!key) return openssl_failure("make the authority's key");
    const Certificate certificate =
        start_certificate({.common_name = "Trivet cluster " + cluster_id,
                           .not_before = now - clock_slack,
                           .not_after = now + ca_life},
                          key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    X509* self = certificate.get();
    const bool complete =
        add_extension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(self, self, NID_subject_key_identifier, "hash") &&
        X509_sign(self, key.get(), EVP_sha256()) != 0;
    if (!complete) return openssl_failure("sign the authority's certificate");
    if (auto written = announce::write_durably(directory_ / "ca.key", pem_of(key.get()), 0600);
        !written)
        return written;
    return announce::write_durably(ca_certificate(), pem_of(self), 0644);
}

Result<void> Pki::issue_node_certificate(const std::string& node, const CertificateNames& names,
                                         WallTime now) {
    auto authority = read_certificate(ca_certificate());
    if (!authority) return fail(authority.error());
    auto authority_key = read_key(directory_ / "ca.key");
    if (!authority_key) return fail(authority_key.error());
    const Key key(EVP_EC_gen("P-256"));
    if (!key) return openssl_failure("make the node's key");
    const WallTime end = std::min(now + node_life, time_of(X509_get0_notAfter(authority->get())));
    const Certificate certificate = start_certificate(
        {.common_name = node, .not_before = now - clock_slack, .not_after = end}, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority->get()));
    X509* issued = certificate.get();
    X509* issuer = authority->get();
    const bool complete =
        add_extension(issued, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(issued, issuer, NID_key_usage, "critical,digitalSignature") &&
        add_extension(issued, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
        add_extension(issued, issuer, NID_subject_key_identifier, "hash") &&
        add_extension(issued, issuer, NID_authority_key_identifier, "keyid") &&
        add_extension(issued, issuer, NID_subject_alt_name, subject_alternative_names(names)) &&
        X509_sign(issued, authority_key->get(), EVP_sha256()) != 0;
    if (!complete) return openssl_failure("sign the certificate of node '" + node + "'");
    // One file for both would be simpler to keep consistent, but servers and people expect two; a
    // crash between the two writes leaves a pair that does not match, which node_certificate_is_due
    // notices.
    if (auto written = announce::write_durably(node_key(), pem_of(key.get()), 0600); !written)
        return written;
    return announce::write_durably(node_certificate(), pem_of(issued), 0644);
}

Result<bool> Pki::node_certificate_is_due(const CertificateNames& names, WallTime now) const {
    auto certificate = read_certificate(node_certificate());
    if (!certificate && certificate.error().code == ErrorCode::not_found) return true;
    if (!certificate) return fail(certificate.error());
    auto key = read_key(node_key());
    if (!key && key.error().code == ErrorCode::not_found) return true;
    if (!key) return fail(key.error());
    if (X509_check_private_key(certificate->get(), key->get()) != 1) {
        ERR_clear_error();
        return true;
    }
    const WallTime end = time_of(X509_get0_notAfter(certificate->get()));
    return end - now < node_life / 3 || !covers(certificate->get(), names);
}

Result<std::string> Pki::ca_hash() const {
    auto certificate = read_certificate(ca_certificate());
    if (!certificate) return fail(certificate.error());
    return hash_of(certificate->get());
}

std::string make_token() {
    std::array<unsigned char, 32> bytes{};
    TRIVET_ASSERT(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    return "trivet_" + hex(bytes);
}

std::string token_hash(const std::string& token) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
    return hex(digest);
}

std::string make_cluster_id() {
    std::array<unsigned char, 16> bytes{};
    TRIVET_ASSERT(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // RFC 9562 section 5.4
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    const std::string text = hex(bytes);
    return text.substr(0, 8) + "-" + text.substr(8, 4) + "-" + text.substr(12, 4) + "-" +
           text.substr(16, 4) + "-" + text.substr(20);
}

}  // namespace trivet::daemon
