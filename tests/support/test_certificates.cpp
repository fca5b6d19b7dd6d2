#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/support/fake_server.hpp"

namespace trivet::model {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key make_key() { return {EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free}; }

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

Certificate make_certificate(const std::string& common_name, EVP_PKEY* key, long serial) {
    Certificate certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    return certificate;
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get());
    const char* data = nullptr;
    const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string certificate_pem(X509* certificate) {
    return pem([certificate](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

}  // namespace

TestCertificates make_certificates(const std::vector<std::string>& names) {
    const auto ca_key = make_key();
    const auto ca = make_certificate("test CA", ca_key.get(), 1);
    X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
    X509_sign(ca.get(), ca_key.get(), EVP_sha256());

    const auto key = make_key();
    const auto leaf = make_certificate("server", key.get(), 2);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    std::string alternatives;
    for (const auto& name : names) {
        const bool address = name.find_first_not_of("0123456789.:") == std::string::npos;
        alternatives +=
            (alternatives.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
    }
    add_extension(leaf.get(), ca.get(), NID_subject_alt_name, alternatives);
    X509_sign(leaf.get(), ca_key.get(), EVP_sha256());

    std::array<unsigned char, 32> hash{};
    unsigned size = 0;
    X509_digest(ca.get(), EVP_sha256(), hash.data(), &size);
    TestCertificates made;
    made.ca_pem = certificate_pem(ca.get());
    made.ca_hash = fmt::format("sha256:{:02x}", fmt::join(hash, ""));
    made.tls.chain = certificate_pem(leaf.get()) + made.ca_pem;
    made.tls.key = pem([&key](BIO* bio) {
        PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return made;
}

}  // namespace trivet::model
