#include "cloud/watch_stream.hpp"

#include <gtest/gtest.h>

namespace trivet::cloud {
namespace {

using Type = WatchEvent::Type;

const std::string story =
    R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}})"
    "\n"
    R"({"type":"MODIFIED","object":{"metadata":{"name":"a\nb","resourceVersion":"2"}}})"
    "\r\n\n"
    R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}})"
    "\n"
    R"({"type":"NEWER","object":{}})"
    "\n"
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
    "\n"
    R"({"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"3"}}})"
    "\n";

std::vector<Type> read_in_chunks(std::size_t size) {
    std::vector<Type> types;
    WatchStream stream;
    for (std::size_t at = 0; at < story.size(); at += size) {
        stream.feed(std::string_view(story).substr(at, size));
        for (;;) {
            const auto event = stream.next();
            EXPECT_TRUE(event) << event.error().message;
            if (!event || !*event) break;
            types.push_back((*event)->type);
        }
    }
    return types;
}

TEST(WatchStream, ChunksEndAnywhere) {
    const std::vector expected{Type::added, Type::modified, Type::bookmark, Type::error,
                               Type::deleted};
    for (std::size_t size = 1; size <= story.size(); ++size)
        ASSERT_EQ(read_in_chunks(size), expected) << size << " bytes at a time";
}

TEST(WatchStream, AnEventWithoutItsEndIsNone) {
    WatchStream stream;
    stream.feed(R"({"type":"ADDED","object":{}})");
    EXPECT_FALSE(stream.next()->has_value());
    stream.feed("\n");
    EXPECT_TRUE(stream.next()->has_value());
}

TEST(WatchStream, WhatIsNoEventIsAnError) {
    for (const char* line :
         {"{\n", "[]\n", "null\n", "{\"type\":1,\"object\":{}}\n", "{\"object\":{}}\n",
          "{\"type\":\"ADDED\"}\n", "{\"type\":\"ADDED\",\"object\":[]}\n",
          "{\"type\":\"ADDED\",\"type\":\"ADDED\",\"object\":{}}\n"}) {
        WatchStream stream;
        stream.feed(line);
        const auto event = stream.next();
        ASSERT_FALSE(event) << line;
        EXPECT_EQ(event.error().code, ErrorCode::invalid_argument) << line;
    }
}

TEST(WatchStream, DepthIsLimited) {
    WatchStream stream;
    stream.feed(R"({"type":"ADDED","object":)" + std::string(100'000, '[') + "\n");
    EXPECT_EQ(stream.next().error().code, ErrorCode::too_large);
}

TEST(WatchStream, OneEventIsLimitedAndManyAreNot) {
    WatchStream stream;
    const std::string event =
        R"({"type":"ADDED","object":{"a":")" + std::string(1u << 20, 'x') + "\"}}\n";
    for (int i = 0; i < 5; ++i) stream.feed(event);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(stream.next()->has_value());
    EXPECT_FALSE(stream.next()->has_value());
    const std::string endless(1u << 20, ' ');
    for (int i = 0; i < 3; ++i) {
        stream.feed(endless);
        ASSERT_TRUE(stream.next());
    }
    stream.feed(endless);
    EXPECT_EQ(stream.next().error().code, ErrorCode::too_large);
    stream.reset();
    stream.feed(event);
    EXPECT_TRUE(stream.next()->has_value());
}

}  // namespace
}  // namespace trivet::cloud
