# What the library links. Every entry is also named in dsql.pc and in the CMake package, for static linking.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(LIBIDN REQUIRED IMPORTED_TARGET libidn)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)

set(DSQL_LIB_UV PkgConfig::LIBUV)
set(DSQL_LIB_CURL PkgConfig::LIBCURL)
set(DSQL_LIB_IDN PkgConfig::LIBIDN)
set(DSQL_LIB_JSON PkgConfig::JANSSON)
set(DSQL_LIB_XML PkgConfig::EXPAT)
set(DSQL_LIB_SSL OpenSSL::SSL OpenSSL::Crypto)
set(DSQL_LIB_CRYPTO OpenSSL::Crypto)
