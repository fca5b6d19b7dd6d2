#pragma once
#include <cstddef>
#include <unordered_map>
#include <vector>

#include "tests/support/register_model.hpp"

namespace trivet::test {

enum class Outcome { linearizable, violated, undecided };

/// Looks for an order of the operations on one key that explains all their answers.
///
/// Source: J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", 1993, with the
/// linked list, the undoing and the memory of G. Lowe, "Testing for Linearizability", 2017. Ours is
/// what is done about unknown outcomes, which would otherwise double the search one by one:
/// - They are tried last, and are left over when all others have their place.
/// - A write straight after one is not tried: nobody saw it, and the order without it is as good.
/// - Of those that ask for the same, the one called first is used first.
/// - Of two ways to the same point the one that has used fewer of them can do all the other can.
class KeySearch {
public:
    /// `history` outlives the search; `indexes` are those of its operations that are on this key.
    KeySearch(const History& history, const std::vector<std::size_t>& indexes);

    /// `undecided` when more than `states_max` states would have to be looked at.
    Outcome run(std::size_t states_max);

    /// After `violated`: the longest order that could be followed, the value it leads to, and the
    /// operations of which none could come next. The numbers are indexes into the history.
    const std::vector<std::size_t>& longest() const { return longest_; }
    std::string longest_value() const { return ids_.text(longest_value_); }
    const std::vector<std::size_t>& stuck() const { return stuck_; }

private:
    using EntryId = std::uint32_t;
    using StepIds = std::vector<std::uint32_t>;  // sorted

    /// A call or a return in one of two circular lists, each in the order of time: known outcomes,
    /// and the calls of unknown outcome, which have no return. Entry numbers rise with time.
    struct Entry {
        std::uint32_t step = 0;
        bool is_return = false;
        EntryId previous = 0;
        EntryId next = 0;
        EntryId answer = 0;  // of a known call: its return
    };
    static constexpr EntryId known_head = 0;
    static constexpr EntryId unknown_head = 1;
    static constexpr EntryId none = known_head;

    struct Taken {
        EntryId call;
        Register before;
    };
    /// Where the search stands, but for the unknown outcomes that it has used.
    struct Point {
        std::uint32_t first_open = 0;  // every known step before it has its place
        StepIds later = {};            // the steps after it that have one
        Register value = {};

        bool operator==(const Point&) const = default;
    };
    struct PointHash {
        std::size_t operator()(const Point& point) const;
    };

    void add_call(const Step& step, std::size_t index);
    void append(EntryId head, EntryId entry);
    void unlink(EntryId entry);
    void relink(EntryId entry);
    void lift(EntryId call);
    void put_back(EntryId call);

    EntryId first_return() const;
    EntryId first_candidate() const { return entries_[known_head].next; }
    EntryId following(EntryId candidate) const;
    bool advance();
    bool take(EntryId call);
    bool retreat();
    bool is_new(const Register& value);
    Point point_of(const Register& value) const;
    void note_dead_end();

    const Step& step(EntryId entry) const { return steps_[entries_[entry].step]; }

    ValueIds ids_;
    std::vector<Step> steps_;  // in the order of their calls
    std::vector<std::size_t> history_index_;
    /// By step of unknown outcome: the last one before it that asks for the same.
    std::vector<std::optional<std::uint32_t>> twin_;
    std::vector<Entry> entries_;
    std::vector<EntryId> call_of_;  // by step

    std::vector<Taken> taken_;
    std::vector<bool> is_taken_;  // by step
    StepIds unknown_taken_;
    Register value_;
    EntryId candidate_ = none;
    /// Points that were looked at, each with the smallest sets of unknown outcomes used to get
    /// there.
    std::unordered_map<Point, std::vector<StepIds>, PointHash> seen_;
    std::size_t states_ = 0;

    std::size_t longest_known_ = 0;
    bool any_dead_end_ = false;
    std::vector<std::size_t> longest_;
    ValueId longest_value_ = absent;
    std::vector<std::size_t> stuck_;
};

}  // namespace trivet::test
