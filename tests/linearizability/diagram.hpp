#pragma once
#include <string_view>

#include "tests/support/history.hpp"

namespace trivet::test {

/// A small history drawn as a picture: a line is a process, a column a moment. An operation is a
/// word that begins where it is called and ends, filled up with dots, where it returns; one that
/// ends in `?` has an unknown outcome. A value is one character, `_` is nothing:
///   r1      read found 1             r_      read found nothing
///   w1      write 1                  w_      write nothing
///   c12     compare_and_set 1 to 2   c12!    refused         c12!3   refused, held 3
///   +1      create 1                 +1!     refused         +1!2    refused, held 2
///   +=1     create, the server chose 1       +?      create, the server's choice is unknown
///   x       remove                   x!      refused         x=1     removed 1
History drawn(std::string_view picture, std::string_view key = "k");

}  // namespace trivet::test
