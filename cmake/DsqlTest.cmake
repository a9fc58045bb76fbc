# dsql_unit_test(NAME SOURCES test.c... LAYERS wire... [LIBS target...] [TIMEOUT 60] [ARGS ...])
#   A Criterion executable of only these layers and what they depend on: ctest "unit.NAME", label "unit".
#
# dsql_live_test(NAME SOURCES test.c... [LIBS ...] [LABELS live] [TIMEOUT 120] [ARGS ...] [ENV A=B...]
#                [SETUP fixture] [CLEANUP fixture] [REQUIRES fixture...] [SERIAL])
#   A Criterion executable of the whole static library: ctest "LABEL.NAME" after its first label.
#
# dsql_fuzz_target(NAME SOURCES fuzz.c... LAYERS wire... [LIBS ...] [EDGES 100] [ARGS -max_len=4096])
#   SOURCES define LLVMFuzzerTestOneInput(). Preset fuzz: a libFuzzer executable fuzz_NAME. Other presets: the same
#   code replays tests/fuzz/corpus/NAME, as ctest "fuzz.NAME". EDGES: scripts/test fails when fewer are covered.
#
# dsql_postgres(VERSION...)
#   For each version of scripts/pg the tests pg.VERSION.start and .stop around fixture pg-VERSION: a server, and
#   PgBouncer in front of it. A live test with REQUIRES pg-18 reads DSQL_BUILD_DIR/pg/18/env, as scripts/pg describes.
#
# dsql_guard_test(CTEST_NAME [TIMEOUT s] [ENV A=B...]) gives any ctest test the sanitizers' settings: a finding fails
# the test even where the program exits 0, as Criterion does after LeakSanitizer's report.

set(DSQL_TEST_SUPPORT ${PROJECT_SOURCE_DIR}/tests/support)
set(DSQL_SANITIZER_REPORT "LeakSanitizer;AddressSanitizer;ThreadSanitizer;runtime error:")
set(DSQL_SANITIZER_ENV
  "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
  "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")

if(NOT DSQL_FUZZ)
  pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion)
endif()

function(dsql_guard_test ctest_name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "ENV")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set_tests_properties(${ctest_name} PROPERTIES
    TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "${DSQL_SANITIZER_ENV};DSQL_BUILD_DIR=${PROJECT_BINARY_DIR};DSQL_SOURCE_DIR=${PROJECT_SOURCE_DIR};${arg_ENV}"
    FAIL_REGULAR_EXPRESSION "${DSQL_SANITIZER_REPORT}")
endfunction()

# An executable with the tests' flags and include paths; the libraries are the caller's business.
function(dsql_test_executable target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(DSQL_SANITIZE STREQUAL "thread" AND "PkgConfig::CRITERION" IN_LIST arg_LIBS)
    list(APPEND arg_SOURCES ${PROJECT_SOURCE_DIR}/cmake/criterion_inline.c)
  endif()
  add_executable(${target} ${arg_SOURCES})
  target_compile_options(${target} PRIVATE ${DSQL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
    ${DSQL_GENERATED_DIR} ${PROJECT_SOURCE_DIR}/tests ${DSQL_TEST_SUPPORT})
  target_link_libraries(${target} PRIVATE ${arg_LIBS})
endfunction()

function(dsql_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LAYERS;LIBS;ARGS")
  if(DSQL_FUZZ)
    return()
  endif()
  list(APPEND arg_SOURCES ${DSQL_TEST_SUPPORT}/test_alloc.c)
  dsql_resolve_layers(objects libs ${arg_LAYERS} base)
  list(REMOVE_DUPLICATES arg_SOURCES)
  dsql_test_executable(test_${name} SOURCES ${arg_SOURCES} ${objects}
    LIBS ${libs} ${arg_LIBS} PkgConfig::CRITERION)
  add_test(NAME unit.${name} COMMAND test_${name} ${arg_ARGS} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  dsql_guard_test(unit.${name} TIMEOUT ${arg_TIMEOUT})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit)
endfunction()

function(dsql_live_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT;SETUP;CLEANUP" "SOURCES;LIBS;LABELS;ARGS;ENV;REQUIRES")
  if(DSQL_FUZZ OR NOT TARGET dsql_static)
    return()
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS live)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  list(APPEND arg_SOURCES ${DSQL_TEST_SUPPORT}/test_alloc.c)
  list(REMOVE_DUPLICATES arg_SOURCES)
  list(GET arg_LABELS 0 label)
  set(test ${label}.${name})
  dsql_test_executable(test_${label}_${name} SOURCES ${arg_SOURCES}
    LIBS dsql_static ${DSQL_LIB_UV} ${DSQL_LIB_SSL} ${arg_LIBS} PkgConfig::CRITERION)
  add_test(NAME ${test} COMMAND test_${label}_${name} ${arg_ARGS} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  dsql_guard_test(${test} TIMEOUT ${arg_TIMEOUT} ENV ${arg_ENV})
  set_tests_properties(${test} PROPERTIES LABELS "${arg_LABELS}")
  foreach(kind IN ITEMS SETUP CLEANUP REQUIRES)
    string(REPLACE "REQUIRES" "REQUIRED" property FIXTURES_${kind})
    if(arg_${kind})
      set_tests_properties(${test} PROPERTIES ${property} "${arg_${kind}}")
    endif()
  endforeach()
  if(arg_SERIAL)
    set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

function(dsql_postgres)
  foreach(version IN LISTS ARGN)
    set(dir ${PROJECT_BINARY_DIR}/pg/${version})
    set(pg ${PROJECT_SOURCE_DIR}/scripts/pg)
    add_test(NAME pg.${version}.start COMMAND sh -c "\"${pg}\" start ${version} \"${dir}\" && \"${pg}\" pgbouncer \"${dir}\"")
    add_test(NAME pg.${version}.stop COMMAND ${pg} stop ${dir})
    set_tests_properties(pg.${version}.start PROPERTIES FIXTURES_SETUP pg-${version} TIMEOUT 60 LABELS pg)
    set_tests_properties(pg.${version}.stop PROPERTIES FIXTURES_CLEANUP pg-${version} TIMEOUT 60 LABELS pg)
  endforeach()
endfunction()

function(dsql_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EDGES;TIMEOUT" "SOURCES;LAYERS;LIBS;ARGS")
  dsql_resolve_layers(objects libs ${arg_LAYERS})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(NOT DSQL_FUZZ)
    list(APPEND arg_SOURCES ${PROJECT_SOURCE_DIR}/cmake/fuzz_replay.c)
  endif()
  dsql_test_executable(fuzz_${name} SOURCES ${arg_SOURCES} ${objects} LIBS ${libs} ${arg_LIBS})
  if(DSQL_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    if(NOT arg_EDGES)
      set(arg_EDGES 0)
    endif()
    list(JOIN arg_ARGS " " args)
    set_property(GLOBAL APPEND_STRING PROPERTY DSQL_FUZZ_LIST
      "${name} ${arg_EDGES} $<TARGET_FILE:fuzz_${name}> ${corpus} ${args}\n")
    return()
  endif()
  add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${corpus})
  dsql_guard_test(fuzz.${name} TIMEOUT ${arg_TIMEOUT})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz)
endfunction()

# Called once, after all targets: what scripts/test runs, one line each: name, least edges, program, corpus, options.
function(dsql_write_fuzz_list)
  get_property(list GLOBAL PROPERTY DSQL_FUZZ_LIST)
  if(DSQL_FUZZ)
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/fuzz-targets.txt CONTENT "${list}")
  endif()
endfunction()
