# dsql_program(TARGET [OUTPUT name] [FOLDER examples] SOURCES main.c... [LIBS target...])
#
# A program of cli/, examples/ or bench/: the static library and libuv, this tree's warnings, the public headers.
# It is built as build/<preset>/[FOLDER/]OUTPUT; OUTPUT is TARGET unless given.
function(dsql_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT;FOLDER" "SOURCES;LIBS")
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT ${target})
  endif()
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${arg_OUTPUT} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${arg_FOLDER})
  target_compile_options(${target} PRIVATE ${DSQL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE dsql_static ${DSQL_LIB_UV} ${arg_LIBS})
endfunction()
