# `cmake --install build` gives the program, and the rewards as a library that stands alone (headers, two
# archives), found by find_package(gradus): gradus::gradus is the program, gradus::rewards the library.
# `--component rewards` installs the library alone, `--component gradus` the program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(GRADUS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
set(GRADUS_HEADER_DIR ${CMAKE_INSTALL_INCLUDEDIR}/gradus)

# LibTorch stays where it is: the program keeps the way to it, also where it lies in the checkout.
set_target_properties(gradus PROPERTIES INSTALL_RPATH "${TORCH_INSTALL_PREFIX}/lib" INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS gradus RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT gradus)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT gradus)

install(TARGETS gradus_rewards gradus_base
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT rewards)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/rewards ${PROJECT_SOURCE_DIR}/base
  DESTINATION ${GRADUS_HEADER_DIR} COMPONENT rewards
  FILES_MATCHING PATTERN "*.h" PATTERN helper EXCLUDE)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gradus-config.cmake.in
  ${PROJECT_BINARY_DIR}/gradus-config.cmake
  INSTALL_DESTINATION ${GRADUS_PACKAGE_DIR}
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_BINDIR GRADUS_HEADER_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gradus-config-version.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gradus-config.cmake ${PROJECT_BINARY_DIR}/gradus-config-version.cmake
  DESTINATION ${GRADUS_PACKAGE_DIR} COMPONENT rewards)
