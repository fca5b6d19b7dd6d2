#include "announce/capture_filter.hpp"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include "announce/prefix_cover.hpp"

namespace trivet::announce {
namespace {

/// libpcap's own machine running the expression over made-up Ethernet frames.
class CaptureFilter : public testing::Test {
protected:
    ~CaptureFilter() override {
        pcap_freecode(&program_);
        pcap_close(handle_);
    }

    void compile(const std::vector<std::string>& prefixes) {
        std::vector<Prefix> parsed;
        for (const std::string& text : prefixes) parsed.push_back(Prefix::parse(text).value());
        compile_expression(capture_expression(parsed));
    }
    void compile_expression(const std::string& expression) {
        ASSERT_EQ(pcap_compile(handle_, &program_, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0)
            << pcap_geterr(handle_) << " in " << expression;
    }
    bool matches(const std::vector<std::uint8_t>& frame) {
        pcap_pkthdr header{};
        header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
        return pcap_offline_filter(&program_, &header, frame.data()) != 0;
    }
    unsigned instructions() const { return program_.bf_len; }

    static void put(std::vector<std::uint8_t>& frame, std::size_t offset, IpAddress address) {
        const std::size_t size = address.is_v4() ? 4 : 16;
        std::copy(address.bytes().end() - static_cast<std::ptrdiff_t>(size), address.bytes().end(),
                  frame.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    struct Arp {
        std::string sender, target;
    };
    static std::vector<std::uint8_t> arp(const Arp& message) {
        std::vector<std::uint8_t> frame(60);
        frame[12] = 0x08;
        frame[13] = 0x06;
        put(frame, 14 + 14, IpAddress::parse(message.sender).value());
        put(frame, 14 + 24, IpAddress::parse(message.target).value());
        return frame;
    }
    static std::vector<std::uint8_t> icmpv6(std::uint8_t type, const std::string& target) {
        std::vector<std::uint8_t> frame(86);
        frame[12] = 0x86;
        frame[13] = 0xdd;
        frame[14] = 0x60;
        frame[14 + 6] = 58;
        frame[14 + 40] = type;
        put(frame, 14 + 48, IpAddress::parse(target).value());
        return frame;
    }

private:
    pcap_t* handle_ = pcap_open_dead(DLT_EN10MB, 512);
    bpf_program program_{};
};

TEST_F(CaptureFilter, OfNothingIsEmpty) { EXPECT_EQ(capture_expression({}), ""); }

TEST_F(CaptureFilter, LetsArpInWhoseTargetOrSenderIsWatched) {
    compile({"192.0.2.8/30", "198.51.100.7/32"});
    EXPECT_TRUE(matches(arp({.sender = "10.0.0.1", .target = "192.0.2.8"})));
    EXPECT_TRUE(matches(arp({.sender = "10.0.0.1", .target = "192.0.2.11"})));
    EXPECT_TRUE(matches(arp({.sender = "198.51.100.7", .target = "10.0.0.1"})));
    EXPECT_FALSE(matches(arp({.sender = "10.0.0.1", .target = "192.0.2.7"})));
    EXPECT_FALSE(matches(arp({.sender = "192.0.2.12", .target = "198.51.100.8"})));
    EXPECT_FALSE(matches(icmpv6(135, "::c000:208")));
}

TEST_F(CaptureFilter, LetsSolicitationsAndAdvertisementsInWhoseTargetIsWatched) {
    compile({"fd77::50/128", "fd77::60/124", "2001:db8:0:1::/64", "fd88::/16"});
    EXPECT_TRUE(matches(icmpv6(135, "fd77::50")));
    EXPECT_TRUE(matches(icmpv6(136, "fd77::6f")));
    EXPECT_TRUE(matches(icmpv6(135, "2001:db8:0:1:1234::1")));
    EXPECT_TRUE(matches(icmpv6(135, "fd88:1::1")));
    EXPECT_FALSE(matches(icmpv6(135, "fd77::51")));
    EXPECT_FALSE(matches(icmpv6(135, "fd77::70")));
    EXPECT_FALSE(matches(icmpv6(135, "2001:db8:0:2::1")));
    EXPECT_FALSE(matches(icmpv6(134, "fd77::50")));  // a router advertisement
    EXPECT_FALSE(matches(icmpv6(128, "fd77::50")));  // an echo request
    EXPECT_FALSE(matches(arp({.sender = "10.0.0.1", .target = "192.0.2.8"})));
}

TEST_F(CaptureFilter, KeepsTaggedFramesOut) {
    compile({"192.0.2.8/32", "fd77::50/128"});
    for (auto frame :
         {arp({.sender = "10.0.0.1", .target = "192.0.2.8"}), icmpv6(135, "fd77::50")}) {
        ASSERT_TRUE(matches(frame));
        const std::vector<std::uint8_t> tag{0x81, 0x00, 0x00, 0x05};
        frame.insert(frame.begin() + 12, tag.begin(), tag.end());
        EXPECT_FALSE(matches(frame));
    }
}

TEST_F(CaptureFilter, WholeAddressSpaceIsAPrefixToo) {
    compile({"0.0.0.0/0", "::/0"});
    EXPECT_TRUE(matches(arp({.sender = "10.0.0.1", .target = "192.0.2.7"})));
    EXPECT_TRUE(matches(icmpv6(135, "2001:db8::1")));
    EXPECT_FALSE(matches(icmpv6(1, "2001:db8::1")));
}

/// The kernel's classic filters end at 4096 instructions, and on Linux 6.1 a socket's filters share
/// 20 KiB; the worst case of 64 scattered prefixes per family must stay well below.
TEST_F(CaptureFilter, StaysSmallInTheWorstCase) {
    std::vector<Prefix> prefixes;
    for (std::uint32_t i = 0; i < 64; ++i) {
        prefixes.push_back(Prefix::host(IpAddress::v4(i * 0x03010305U + 1)));
        IpAddress::V6Bytes bytes{0xfd, 0x77, static_cast<std::uint8_t>(i)};
        bytes[8] = static_cast<std::uint8_t>(7 * i);
        bytes[15] = static_cast<std::uint8_t>(i);
        prefixes.push_back(Prefix::host(IpAddress::v6(bytes)));
    }
    compile_expression(capture_expression(prefixes));
    RecordProperty("instructions", static_cast<int>(instructions()));
    EXPECT_LT(instructions(), 1000U);
    EXPECT_TRUE(matches(arp({.sender = "10.0.0.1", .target = "3.1.3.6"})));
}

}  // namespace
}  // namespace trivet::announce
