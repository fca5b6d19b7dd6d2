# Compiler settings, dependencies and the helpers that every folder uses.
option(TRIVET_TESTS "Build the tests" ON)
option(TRIVET_BENCH "Build the benchmarks" OFF)
option(TRIVET_FUZZ "Build fuzz targets with libFuzzer (clang)" OFF)
set(TRIVET_SANITIZE "" CACHE STRING "Value for -fsanitize=, such as address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(TRIVET_CCACHE ccache)
if(TRIVET_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        ${TRIVET_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wold-style-cast -Wimplicit-fallthrough)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(-Werror) # a user's build must not fail by what another compiler warns of
endif()
add_compile_options(-fPIC) # programs too, which CMake gives -fPIE: they share the precompiled headers
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 reports these inside its own library at -O2 (GCC bugs 105562, 105329, 107852).
    add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -fpch-preprocess
                        -fmax-errors=20)
    # It inlines one of the two halves of Asio's operator new and delete for coroutine frames, and then
    # finds that they differ.
    add_compile_options(-Wno-mismatched-new-delete)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND TRIVET_SANITIZE STREQUAL "thread")
    # Asio's fences, which the thread sanitizer does not model, stand beside mutexes, which it does.
    # With its checks between them, g++ 12 takes a string's buffer for one shorter than the literal.
    add_compile_options(-Wno-tsan -Wno-array-bounds)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # libstdc++ 12 uses its own deprecated get_temporary_buffer in stable_sort.
    add_compile_options(-Wno-deprecated-declarations)
endif()
if(TRIVET_SANITIZE)
    add_compile_options(-fsanitize=${TRIVET_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${TRIVET_SANITIZE})
endif()
if(TRIVET_FUZZ) # all of it: a fuzzer that does not see where the library branches fuzzes blindly
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(prometheus-cpp REQUIRED)
pkg_check_modules(fyaml REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules(mnl REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(capng REQUIRED IMPORTED_TARGET libcap-ng)
pkg_check_modules(pcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf)

# Settings that every target shares, also the precompiled headers (which must be compiled alike).
add_library(trivet_settings INTERFACE)
target_include_directories(trivet_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(trivet_settings INTERFACE
    BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY TRIVET_VERSION="${PROJECT_VERSION}")
target_link_libraries(trivet_settings INTERFACE
    Threads::Threads tl::expected nlohmann_json::nlohmann_json fmt::fmt OpenSSL::SSL OpenSSL::Crypto Boost::headers)

# Two precompiled headers for the whole tree: `base` for rules, `asio` for drivers and servers.
foreach(kind base asio gtest)
    file(WRITE ${CMAKE_BINARY_DIR}/pch/${kind}.cpp.new "// carries a precompiled header\n")
    configure_file(${CMAKE_BINARY_DIR}/pch/${kind}.cpp.new ${CMAKE_BINARY_DIR}/pch/${kind}.cpp COPYONLY)
    add_library(trivet_pch_${kind} OBJECT ${CMAKE_BINARY_DIR}/pch/${kind}.cpp)
    target_link_libraries(trivet_pch_${kind} PUBLIC trivet_settings)
    # Named as an include, not as a path: the compiler's cache then serves every checkout alike.
    target_precompile_headers(trivet_pch_${kind} PRIVATE <cmake/pch_${kind}.hpp>)
endforeach()

# trivet_library(NAME [PCH base|asio] [DIR subdir] LINKS ...): the folder's sources as target trivet_NAME.
function(trivet_library name)
    cmake_parse_arguments(arg "" "PCH" "LINKS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
    if(NOT sources) # headers alone, so far
        add_library(trivet_${name} INTERFACE)
        target_link_libraries(trivet_${name} INTERFACE trivet_settings ${arg_LINKS})
        return()
    endif()
    add_library(trivet_${name} STATIC ${sources})
    target_link_libraries(trivet_${name} PUBLIC trivet_settings ${arg_LINKS})
    if(arg_PCH)
        target_precompile_headers(trivet_${name} REUSE_FROM trivet_pch_${arg_PCH})
    endif()
endfunction()

# trivet_program(PROGRAM LINKS ...): main.cpp of the folder.
function(trivet_program program)
    cmake_parse_arguments(arg "" "PCH" "LINKS" ${ARGN})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
        return()
    endif()
    add_executable(${program} main.cpp)
    target_link_libraries(${program} PRIVATE trivet_settings ${arg_LINKS})
    if(arg_PCH)
        target_precompile_headers(${program} REUSE_FROM trivet_pch_${arg_PCH})
    endif()
    install(TARGETS ${program})
endfunction()
