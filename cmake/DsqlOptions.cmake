# Options, build types, warnings and sanitizers, shared by every target of this tree.

option(DSQL_BUILD_CLI "Build the dsql tool" ${PROJECT_IS_TOP_LEVEL})
option(DSQL_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(DSQL_BUILD_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(DSQL_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(DSQL_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
option(DSQL_FUZZ "Build libFuzzer executables (needs clang)" OFF)
option(DSQL_COVERAGE "Instrument for gcov" OFF)
set(DSQL_SANITIZE "" CACHE STRING "Value of -fsanitize= for everything built here, for example address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(DSQL_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)

find_program(DSQL_CCACHE ccache)
if(DSQL_CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_C_COMPILER_LAUNCHER ${DSQL_CCACHE})
endif()

set(DSQL_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>)
if(DSQL_WERROR)
  list(APPEND DSQL_WARNINGS -Werror)
endif()

set(DSQL_INSTRUMENT_FLAGS "") # for compiling and linking alike
if(DSQL_SANITIZE)
  list(APPEND DSQL_INSTRUMENT_FLAGS -fsanitize=${DSQL_SANITIZE} -fno-omit-frame-pointer)
  if(NOT DSQL_SANITIZE STREQUAL "thread")
    list(APPEND DSQL_INSTRUMENT_FLAGS -fno-sanitize-recover=all)
  endif()
endif()
if(DSQL_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "DSQL_FUZZ needs clang")
  endif()
  list(APPEND DSQL_INSTRUMENT_FLAGS -fsanitize=fuzzer-no-link)
endif()
if(DSQL_COVERAGE)
  list(APPEND DSQL_INSTRUMENT_FLAGS --coverage)
endif()
if(DSQL_INSTRUMENT_FLAGS)
  add_compile_options(${DSQL_INSTRUMENT_FLAGS})
  add_link_options(${DSQL_INSTRUMENT_FLAGS})
endif()

# One optimisation over all layers: the layers cost calls across files that the compiler can take away. GCC only, because
# what becomes libdsql must be plain code again (-flinker-output=nolto-rel), whatever the user links it with.
set(lto_default OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT DSQL_INSTRUMENT_FLAGS)
  set(lto_default ON)
endif()
option(DSQL_LTO "Optimise the layers as one program (GCC)" ${lto_default})
set(DSQL_LTO_FLAGS -flto=auto -fno-semantic-interposition)
