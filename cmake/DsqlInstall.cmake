# cmake --install: headers, both libraries, the tool, dsql.pc and the CMake package.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dsql)

install(DIRECTORY include/dsql DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY ${DSQL_GENERATED_DIR}/dsql DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS dsql EXPORT dsqlTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS dsql_static EXPORT dsqlStaticTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET dsql_tool)
  install(TARGETS dsql_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

install(EXPORT dsqlTargets NAMESPACE dsql:: DESTINATION ${package_dir})
install(EXPORT dsqlStaticTargets NAMESPACE dsql:: DESTINATION ${package_dir})
configure_package_config_file(cmake/dsqlConfig.cmake.in ${PROJECT_BINARY_DIR}/dsqlConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dsqlConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dsqlConfig.cmake ${PROJECT_BINARY_DIR}/dsqlConfigVersion.cmake
  DESTINATION ${package_dir})

file(RELATIVE_PATH DSQL_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # the .pc file may be moved with its prefix
string(REGEX REPLACE "/$" "" DSQL_PC_TO_PREFIX "${DSQL_PC_TO_PREFIX}")
configure_file(cmake/dsql.pc.in ${PROJECT_BINARY_DIR}/dsql.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dsql.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
