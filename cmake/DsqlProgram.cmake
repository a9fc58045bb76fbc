# dsql_program(TARGET [OUTPUT name] [FOLDER examples] SOURCES main.c... [LAYERS wire...] [LIBS target...])
#
# A program of cli/, examples/ or bench/: the static library and libuv, this tree's warnings, the public headers.
# It is built as build/<preset>/[FOLDER/]OUTPUT; OUTPUT is TARGET unless given. LAYERS: layers whose internal functions
# it calls; it gets its own copy of their code, which can't clash with the library's, whose names are hidden.
function(dsql_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT;FOLDER" "SOURCES;LAYERS;LIBS")
  if(NOT arg_OUTPUT)
    set(arg_OUTPUT ${target})
  endif()
  set(objects "")
  set(libs "")
  if(arg_LAYERS)
    dsql_resolve_layers(objects libs ${arg_LAYERS})
  endif()
  add_executable(${target} ${arg_SOURCES} ${objects})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${arg_OUTPUT} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${arg_FOLDER})
  target_compile_options(${target} PRIVATE ${DSQL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  if(arg_LAYERS)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  endif()
  target_link_libraries(${target} PRIVATE dsql_static ${DSQL_LIB_UV} ${libs} ${arg_LIBS})
endfunction()
