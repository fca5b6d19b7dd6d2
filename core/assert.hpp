#pragma once
#include <cstdio>
#include <cstdlib>

/// Ends the process when a fact that cannot be false is false, in release builds too: better to
/// fail over than to announce a wrong address.
#define TRIVET_ASSERT(fact)                                                           \
    do {                                                                              \
        if (!(fact)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #fact); \
            std::abort();                                                             \
        }                                                                             \
    } while (false)
