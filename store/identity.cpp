#include "store/identity.hpp"

#include <sys/random.h>

#include "core/assert.hpp"

namespace trivet::store {

std::uint64_t random_id() {
    std::uint64_t id = 0;
    while (id == 0) TRIVET_ASSERT(::getrandom(&id, sizeof id, 0) == sizeof id);
    return id;
}

}  // namespace trivet::store
