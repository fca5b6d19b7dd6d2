// What system tests ask about the histories that they record; check_history.hpp tells the exit
// codes.
#include <iostream>

#include "tests/support/check_history.hpp"

int main(int count, char** arguments) {
    return trivet::test::check_history({arguments + 1, arguments + count}, std::cout, std::cerr);
}
