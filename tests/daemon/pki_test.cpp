#include "daemon/pki.hpp"

#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace trivet::daemon {
namespace {

using namespace std::chrono_literals;

const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 5 / 1}};
const CertificateNames names{.dns = {"n1", "localhost"},
                             .addresses = {"127.0.0.1", "::1", "192.0.2.1"}};

class PkiTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pki-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void make_cluster(Pki& pki) {
        ASSERT_TRUE(pki.create_authority("cluster-1", now));
        ASSERT_TRUE(pki.issue_node_certificate("n1", names, now));
    }
    unsigned mode_of(const std::filesystem::path& path) {
        struct stat status{};
        stat(path.c_str(), &status);
        return status.st_mode & 0777;
    }

    std::filesystem::path directory_;
};

TEST_F(PkiTest, FreshCertificateIsNotDue) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    const auto due = pki.node_certificate_is_due(names, now);
    ASSERT_TRUE(due) << due.error().message;
    EXPECT_FALSE(*due);
}

TEST_F(PkiTest, CertificateIsDueInItsLastThird) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    EXPECT_FALSE(*pki.node_certificate_is_due(names, now + std::chrono::days{240}));
    EXPECT_TRUE(*pki.node_certificate_is_due(names, now + std::chrono::days{250}));
}

TEST_F(PkiTest, CertificateIsDueWhenANameIsMissing) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    CertificateNames more = names;
    more.addresses.push_back("192.0.2.2");
    EXPECT_TRUE(*pki.node_certificate_is_due(more, now));
    more = names;
    more.dns.push_back("other");
    EXPECT_TRUE(*pki.node_certificate_is_due(more, now));
}

TEST_F(PkiTest, KeyOfAnotherCertificateIsNoticed) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    Pki other(directory_ / "other");
    make_cluster(other);
    std::filesystem::copy_file(other.node_key(), pki.node_key(),
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_TRUE(*pki.node_certificate_is_due(names, now));
}

TEST_F(PkiTest, KeysAreForTheOwnerAlone) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    EXPECT_EQ(mode_of(directory_ / "pki/ca.key"), 0600u);
    EXPECT_EQ(mode_of(pki.node_key()), 0600u);
    EXPECT_EQ(mode_of(directory_ / "pki"), 0700u);
}

TEST_F(PkiTest, DamagedAuthorityIsNamed) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    std::ofstream(pki.ca_certificate()) << "nonsense";
    const auto hash = pki.ca_hash();
    ASSERT_FALSE(hash);
    EXPECT_EQ(hash.error().code, ErrorCode::corrupt);
    EXPECT_NE(hash.error().message.find("ca.crt"), std::string::npos);
}

TEST_F(PkiTest, CaHashIsStableAndWellFormed) {
    Pki pki(directory_ / "pki");
    make_cluster(pki);
    const std::string hash = *pki.ca_hash();
    EXPECT_EQ(hash.size(), 7u + 64u);
    EXPECT_TRUE(hash.starts_with("sha256:"));
    EXPECT_EQ(hash, *pki.ca_hash());
}

TEST(Token, IsRandomAndItsHashIsSha256) {
    EXPECT_NE(make_token(), make_token());
    EXPECT_EQ(token_hash("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ClusterId, IsAVersion4Uuid) {
    const std::string id = make_cluster_id();
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

}  // namespace
}  // namespace trivet::daemon
