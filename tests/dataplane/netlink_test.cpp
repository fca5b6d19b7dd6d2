#include "dataplane/netlink.hpp"

#include <linux/rtnetlink.h>

#include <gtest/gtest.h>

#include "dataplane/nft_batch.hpp"

namespace trivet::dataplane {
namespace {

// Requests that the kernel answers without any privilege.
NetlinkBatch dump_links() {
    NetlinkBatch request(256);
    request.add(RTM_GETLINK, 0);
    request.add_header<ifinfomsg>();
    return request;
}

TEST(NetlinkSocket, DumpsEveryInterface) {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    ASSERT_TRUE(socket) << socket.error().message;
    auto request = dump_links();
    std::vector<std::string> names;
    ASSERT_TRUE(socket->dump(request, [&](const nlmsghdr& message) {
        names.push_back(attribute_text(find_attribute(message, sizeof(ifinfomsg), IFLA_IFNAME)));
    }));
    EXPECT_NE(std::find(names.begin(), names.end(), "lo"), names.end());
}

TEST(NetlinkSocket, AnErrorOfTheKernelIsTheAnswer) {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    ASSERT_TRUE(socket) << socket.error().message;
    NetlinkBatch request(256);
    request.add(RTM_GETLINK, 0);
    request.add_header<ifinfomsg>().ifi_index = 0x7fffffff;
    request.acknowledge();
    EXPECT_EQ(socket->perform(request).error, ENODEV);
}

TEST(NetlinkBatch, MessagesStandOneBehindTheOther) {
    NetlinkBatch batch(256);
    EXPECT_EQ(batch.size(), 0U);
    batch.add(1, 0);
    batch.put_text(7, "abc");  // 4 of header, 4 of text
    EXPECT_EQ(batch.size(), 16U + 8U);
    batch.add(2, 0);
    batch.put_be32(8, 5);
    EXPECT_EQ(batch.size(), 24U + 16U + 8U);
    EXPECT_EQ(batch.room(), 256U - 48U);
    batch.clear();
    EXPECT_EQ(batch.size(), 0U);
}

TEST(NetlinkBatchDeathTest, MoreThanItHoldsEndsTheProcess) {
    NetlinkBatch batch(20);
    batch.add(1, 0);
    EXPECT_DEATH(batch.put_text(7, "too long"), "buffer_.size");
}

TEST(NftBatch, AnElementTakesNoMoreThanItsLimit) {
    const std::string chain = "announce_1023";
    const std::array<std::uint8_t, 16> key{};
    NftBatch batch(4096);
    batch.begin_elements({.table = "t", .set = "s", .change = NftBatch::Change::add});
    const std::size_t before = batch.room();
    batch.put_element({.key = key, .jump_to = chain.c_str(), .timeout_ms = 1});
    EXPECT_LE(before - batch.room(), NftBatch::element_bytes_max);
    batch.end_elements();
}

TEST(NetlinkError, SaysWhatIsMissing) {
    const Error error = netlink_error("do that", {.error = EPERM, .sentence = "why"});
    EXPECT_EQ(error.code, ErrorCode::not_allowed);
    EXPECT_NE(error.message.find("cannot do that"), std::string::npos);
    EXPECT_NE(error.message.find("(why)"), std::string::npos);
    EXPECT_NE(error.message.find("CAP_NET_ADMIN"), std::string::npos);
}

}  // namespace
}  // namespace trivet::dataplane
