#include "cloud/shim/kube_access.hpp"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "tests/support/temporary_directory.hpp"

namespace trivet::cloud {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class KubeAccessFiles : public testing::Test {
protected:
    std::string write(const std::string& name, const std::string& content) const {
        std::ofstream(directory / name) << content;
        return (directory / name).string();
    }
    /// A kubeconfig with these fields of its one cluster and its one user.
    std::string config(const std::string& cluster, const std::string& user) const {
        return write("config",
                     "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
                     "contexts:\n- name: main\n  context: {cluster: c, user: u}\n"
                     "clusters:\n- name: c\n  cluster:\n" +
                         cluster + "users:\n- name: u\n  user:\n" + user);
    }
    static constexpr const char* server = "    server: https://10.0.0.1:6443\n";
    static constexpr const char* token = "    token: abc\n";

    trivet::test::TemporaryDirectory made;
    const fs::path& directory = made.path();
};

TEST_F(KubeAccessFiles, ReadsWhatKubeadmWrites) {
    const auto access = read_kubeconfig(
        config(std::string(server) + "    certificate-authority-data: Q0EK\n",
               "    client-certificate-data: Q0VSVAo=\n    client-key-data: S0VZ\n"),
        "");
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->host, "10.0.0.1");
    EXPECT_EQ(access->port, 6443);
    EXPECT_TRUE(access->tls);
    EXPECT_EQ(access->ca_pem, "CA\n");
    EXPECT_EQ(access->certificate_pem, "CERT\n");
    EXPECT_EQ(access->key_pem, "KEY");
    EXPECT_EQ(access->token, "");
    EXPECT_EQ(access->title, "https://10.0.0.1:6443");
}

TEST_F(KubeAccessFiles, FilesAreBesideTheKubeconfig) {
    write("ca.pem", "the CA");
    write("cert.pem", "C");
    write("key.pem", "K");
    const auto access = read_kubeconfig(
        config("    server: https://[fd00::1]/k8s/c-1/\n    certificate-authority: ca.pem\n"
               "    tls-server-name: kube\n    disable-compression: true\n",
               "    client-certificate: cert.pem\n    client-key: key.pem\n"
               "    token: old\n    tokenFile: sub/token\n"),
        "main");
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->host, "fd00::1");
    EXPECT_EQ(access->port, 443);
    EXPECT_EQ(access->base_path, "/k8s/c-1");
    EXPECT_EQ(access->server_name, "kube");
    EXPECT_EQ(access->ca_pem, "the CA");
    EXPECT_EQ(access->certificate_pem, "C");
    EXPECT_EQ(access->token, "") << "the file goes first";
    EXPECT_EQ(access->token_file, (directory / "sub/token").string());
}

TEST_F(KubeAccessFiles, PlainHttpIsForLoopbackAlone) {
    for (const char* host : {"127.0.0.1:8001", "localhost:8001", "[::1]:8001"}) {
        const auto access =
            read_kubeconfig(config("    server: http://" + std::string(host) + "\n", token), "");
        ASSERT_TRUE(access) << access.error().message;
        EXPECT_FALSE(access->tls);
        EXPECT_EQ(access->port, 8001);
    }
    const auto access = read_kubeconfig(config("    server: http://10.0.0.1:8001\n", token), "");
    ASSERT_FALSE(access);
    EXPECT_THAT(access.error().message, HasSubstr("unencrypted"));
}

TEST_F(KubeAccessFiles, RefusesNamingTheFieldAndWhatToDo) {
    struct Row {
        std::string cluster, user;
        const char *names, *also;
    };
    const std::string https = server;
    const std::vector<Row> rows{
        {https + "    insecure-skip-tls-verify: true\n", token, "insecure-skip-tls-verify",
         "certificate-authority-data"},
        {https + "    proxy-url: http://p\n", token, "proxy-url", "API server itself"},
        {"    server: ftp://x\n", token, "clusters.c.server", "https://"},
        {"    certificate-authority-data: Q0EK\n", token, "clusters.c.server", "https://"},
        {https + "    certificate-authority-data: '*'\n", token, "certificate-authority-data",
         "base 64"},
        {https + "    certificate-authority: nowhere.pem\n", token, "certificate-authority",
         "nowhere.pem"},
        {https, "    exec: {command: aws}\n", "users.u.exec", "tokenFile"},
        {https, "    auth-provider: {name: gcp}\n", "users.u.auth-provider", "tokenFile"},
        {https, "    username: admin\n    password: x\n", "users.u.username", "tokenFile"},
        {https, "    as: admin\n", "users.u.as", "tokenFile"},
        {https, "    as-groups: [system:masters]\n", "users.u.as-groups", "tokenFile"},
        {https, "    client-key-data: S0VZ\n", "users.u", "takes both"},
    };
    for (const Row& row : rows) {
        const auto access = read_kubeconfig(config(row.cluster, row.user), "");
        ASSERT_FALSE(access) << row.names;
        EXPECT_THAT(access.error().message, HasSubstr(row.names));
        EXPECT_THAT(access.error().message, HasSubstr(row.also));
        EXPECT_THAT(access.error().message, HasSubstr(directory.string()));
    }
}

TEST_F(KubeAccessFiles, EmptyFieldsAskForNothing) {
    const auto access = read_kubeconfig(
        config(server, std::string(token) + "    exec: null\n    auth-provider: {}\n"
                                            "    username: ''\n    as-groups: []\n"),
        "");
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->token, "abc");
}

TEST_F(KubeAccessFiles, NamesWhatThereIs) {
    const auto file = config(server, token);
    const auto near = read_kubeconfig(file, "mian");
    ASSERT_FALSE(near);
    EXPECT_THAT(near.error().message, HasSubstr("did you mean 'main'?"));
    const auto far = read_kubeconfig(file, "production-west");
    ASSERT_FALSE(far);
    EXPECT_THAT(far.error().message, HasSubstr("it has main"));
    EXPECT_FALSE(read_kubeconfig(write("empty", ""), ""));
    EXPECT_FALSE(read_kubeconfig(write("list", "- a\n"), ""));
    EXPECT_FALSE(read_kubeconfig(write("broken", "a: [\n"), ""));
    const auto none = read_kubeconfig((directory / "none").string(), "");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST_F(KubeAccessFiles, APodHasItsAccount) {
    write("ca.crt", "the CA");
    write("token", "secret\n");
    std::map<std::string, std::string> variables{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                                                 {"KUBERNETES_SERVICE_PORT", "443"}};
    const auto environment = [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    };
    const auto access = in_cluster_access(environment, directory.string());
    ASSERT_TRUE(access) << access.error().message;
    EXPECT_EQ(access->host, "10.96.0.1");
    EXPECT_EQ(access->ca_pem, "the CA");
    EXPECT_EQ(access->token_file, (directory / "token").string());
    fs::remove(directory / "token");
    EXPECT_FALSE(in_cluster_access(environment, directory.string()));
    variables.clear();
    const auto none = in_cluster_access(environment, directory.string());
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("--kubeconfig"));
}

}  // namespace
}  // namespace trivet::cloud
