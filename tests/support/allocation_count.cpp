// Counts what chosen threads allocate: by the sanitizers' hooks where there is one, else in place
// of the operators.
#include "tests/support/allocation_count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocations = 0;
thread_local bool is_counted = false;

void note_allocation() {
    if (is_counted) allocations.fetch_add(1);
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

extern "C" int __sanitizer_install_malloc_and_free_hooks(  // NOLINT: the sanitizers' name
    void (*malloc_hook)(const volatile void*, std::size_t),
    void (*free_hook)(const volatile void*));

namespace {

[[maybe_unused]] const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { note_allocation(); },
    [](const volatile void*) { note_allocation(); });  // freeing takes the same locks

}  // namespace

#else

void* operator new(std::size_t size) {
    note_allocation();
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    note_allocation();
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    note_allocation();
    std::free(memory);
}

#endif

namespace trivet::test {

std::uint64_t counted_allocations() { return allocations; }
void count_allocations_here() { is_counted = true; }

}  // namespace trivet::test
