# find_package(fairlead): the targets fairlead::fairlead (shared), fairlead::fairlead-static, and fairlead::sim, the
# simulator with the library in it. What the static ones need is found by pkg-config.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(cjson REQUIRED IMPORTED_TARGET libcjson)
include(${CMAKE_CURRENT_LIST_DIR}/fairlead-targets.cmake)
