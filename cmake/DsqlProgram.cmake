# dsql_program(TARGET [OUTPUT name] [FOLDER examples] [INTERNALS] SOURCES main.c... [LIBS target...])
#
# A program of cli/, examples/ or bench/: the static library and libuv, this tree's warnings, the public headers.
# It is built as build/<preset>/[FOLDER/]OUTPUT; OUTPUT is TARGET unless given. INTERNALS: it calls functions of the
# layers themselves, which the library hides; so it is linked from the layers' objects in place of the library.
function(dsql_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INTERNALS" "OUTPUT;FOLDER" "SOURCES;LIBS")
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT ${target})
  endif()
  set(objects "")
  set(libs dsql_static)
  if(arg_INTERNALS)
    dsql_resolve_layers(objects libs ${DSQL_LAYERS})
  endif()
  add_executable(${target} ${arg_SOURCES} ${objects})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${arg_OUTPUT} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${arg_FOLDER})
  target_compile_options(${target} PRIVATE ${DSQL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  if(arg_INTERNALS)
    target_include_directories(${target} PRIVATE
      ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${DSQL_GENERATED_DIR})
  endif()
  target_link_libraries(${target} PRIVATE ${libs} ${DSQL_LIB_UV} ${arg_LIBS})
endfunction()
