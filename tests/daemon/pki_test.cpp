#include "daemon/pki.hpp"

#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trivet::daemon {
namespace {

using namespace std::chrono_literals;

const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 5 / 1}};
const CertificateNames names{.dns = {"n1", "localhost"},
                             .addresses = {"127.0.0.1", "::1", "192.0.2.1"}};

class PkiTest : public testing::Test {
protected:
    void make_cluster(Pki& pki) {
        ASSERT_TRUE(pki.create_authority("cluster-1", now));
        ASSERT_TRUE(pki.issue_node_certificate("n1", names, now));
    }
    unsigned mode_of(const std::filesystem::path& path) {
        struct stat status{};
        stat(path.c_str(), &status);
        return status.st_mode & 0777;
    }

    test::TemporaryDirectory made_;
    const std::filesystem::path& directory_ = made_.path();
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

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(PkiTest, ANodeThatWasLetInHasTheSameAuthority) {
    Pki first(directory_ / "first");
    make_cluster(first);
    Pki second(directory_ / "second");
    EXPECT_FALSE(second.has_identity());
    ASSERT_TRUE(
        second.adopt_authority(text_of(first.ca_certificate()), *first.ca_key(), *first.ca_hash()));
    EXPECT_FALSE(second.has_identity());  // no certificate of its own yet
    ASSERT_TRUE(second.issue_node_certificate("n2", names, now));
    EXPECT_TRUE(second.has_identity());
    EXPECT_EQ(*second.ca_hash(), *first.ca_hash());
    EXPECT_EQ(mode_of(directory_ / "second/ca.key"), 0600u);
    EXPECT_FALSE(*second.node_certificate_is_due(names, now));
}

TEST_F(PkiTest, AnAuthorityThatIsNotTheOneAskedForChangesNothing) {
    Pki first(directory_ / "first");
    make_cluster(first);
    Pki other(directory_ / "other");
    make_cluster(other);
    Pki second(directory_ / "second");
    const std::string certificate = text_of(first.ca_certificate());
    const auto wrong_hash = second.adopt_authority(certificate, *first.ca_key(), *other.ca_hash());
    ASSERT_FALSE(wrong_hash);
    EXPECT_NE(wrong_hash.error().message.find("not the one asked for"), std::string::npos);
    EXPECT_FALSE(second.adopt_authority(certificate, *other.ca_key(), *first.ca_hash()));
    EXPECT_FALSE(second.adopt_authority("no PEM", *first.ca_key(), *first.ca_hash()));
    EXPECT_FALSE(std::filesystem::exists(directory_ / "second"));
}

}  // namespace
}  // namespace trivet::daemon
