# What `cmake --install` puts where, beside the programs: the library, its headers, and what CMake and pkg-config need to find it.
include(CMakePackageConfigHelpers)
set(dare_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dare)

install(TARGETS dare EXPORT dareTargets FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT dareTargets NAMESPACE dare:: DESTINATION ${dare_cmake_dir})
configure_package_config_file(cmake/dareConfig.cmake.in ${PROJECT_BINARY_DIR}/dareConfig.cmake INSTALL_DESTINATION ${dare_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dareConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dareConfig.cmake ${PROJECT_BINARY_DIR}/dareConfigVersion.cmake cmake/DareDependencies.cmake
  DESTINATION ${dare_cmake_dir})

# Whoever links the static library links all below it; the shared one has noted that itself.
get_target_property(type dare TYPE)
set(dare_pc_libs "-L\${libdir} -ldare")
set(dare_pc_private "libhwy libxxhash yaml-cpp fmt libzip zlib")
if(TARGET PkgConfig::libseccomp)
  string(APPEND dare_pc_private " libseccomp")
endif()
list(JOIN HDF5_C_LIBRARIES " " dare_pc_hdf5)
set(dare_pc_libs_private "-lboost_program_options -lboost_random ${dare_pc_hdf5}")
if(type STREQUAL STATIC_LIBRARY)
  set(dare_pc_libs "${dare_pc_libs} ${dare_pc_libs_private}")
  set(dare_pc_requires ${dare_pc_private})
  set(dare_pc_libs_private "")
  set(dare_pc_private "")
endif()
# Relative to where the file is, as `cmake --install --prefix` and moving the tree change that; a path given as absolute stays.
file(RELATIVE_PATH dare_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" dare_pc_to_prefix ${dare_pc_to_prefix})
cmake_path(APPEND dare_pc_libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND dare_pc_includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/dare.pc.in ${PROJECT_BINARY_DIR}/dare.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dare.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The pages lie with what they point to as in the sources, so that their links hold.
set(dare_data ${CMAKE_INSTALL_DATADIR}/${PROJECT_NAME})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE DESTINATION ${dare_data})
install(DIRECTORY docs jobs DESTINATION ${dare_data} USE_SOURCE_PERMISSIONS)
install(DIRECTORY tools/evaluate tools/plot-scaling tools/plot-sweep DESTINATION ${dare_data}/tools USE_SOURCE_PERMISSIONS)
install(FILES packaging/README.md DESTINATION ${dare_data}/packaging)
