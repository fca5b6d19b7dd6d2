#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

namespace trivet {

/// A queue of fixed size from one thread to one other, without locks or allocation. What was pushed
/// is seen by the other side from publish() on, so that one can hand over several items at once.
template <class Item, std::size_t size_max>
class SpscRing {
    static_assert((size_max & (size_max - 1)) == 0, "a power of two");

public:
    /// Producer.
    bool is_full() const { return staged_ - head_.load(std::memory_order_acquire) == size_max; }
    /// Producer. False: it is full, and `item` is as before.
    bool push(Item&& item) {
        if (is_full()) return false;
        items_[staged_ % size_max] = std::move(item);
        ++staged_;
        return true;
    }
    /// Producer. False: nothing was pushed since the last call.
    bool publish() {
        if (staged_ == tail_.load(std::memory_order_relaxed)) return false;
        tail_.store(staged_, std::memory_order_release);
        return true;
    }
    /// Consumer. The ring keeps no part of what it gives.
    std::optional<Item> pop() {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
        std::optional<Item> item(std::exchange(items_[head % size_max], Item{}));
        head_.store(head + 1, std::memory_order_release);
        return item;
    }

private:
    // Apart, so that the two threads do not take one cache line from each other.
    alignas(64) std::atomic<std::size_t> head_ = 0;  // next to be taken
    alignas(64) std::atomic<std::size_t> tail_ = 0;  // up to here it may be taken
    std::size_t staged_ = 0;                         // the producer's own
    std::array<Item, size_max> items_{};
};

}  // namespace trivet
