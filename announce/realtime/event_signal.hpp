#pragma once

namespace trivet::announce {

/// Wakes one thread from another, by an eventfd. Raising never blocks. Thread-safe.
class EventSignal {
public:
    EventSignal();
    ~EventSignal();
    EventSignal(const EventSignal&) = delete;
    EventSignal& operator=(const EventSignal&) = delete;

    void raise() noexcept;
    /// Not raised any more; call before looking for what it was raised for.
    void clear() noexcept;
    int descriptor() const { return descriptor_; }  // readable when raised

private:
    int descriptor_;
};

}  // namespace trivet::announce
