#pragma once
#include <cstdint>
#include <string>

namespace trivet::bench {

/// What the script that drives a run says on standard input, a line each: "fault NS" and "heal NS"
/// when it did so (CLOCK_BOOTTIME), "end" (or no more input) when the run is over.
/// Owned by a program's main loop, which calls read() when standard input is readable.
class RunMarks {
public:
    void read();
    bool ended() const { return ended_; }
    /// 0 when it was not said.
    std::int64_t fault() const { return fault_; }
    std::int64_t heal() const { return heal_; }

private:
    void take(const std::string& line);

    std::string pending_;
    std::int64_t fault_ = 0, heal_ = 0;
    bool ended_ = false;
};

}  // namespace trivet::bench
