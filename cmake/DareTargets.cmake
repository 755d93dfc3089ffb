# How targets are made here: one library `dare`, to which each module adds its sources and public headers.

# Flags of every target, tests included. Without -ffp-contract=off the compiler fuses a * b + c and the bytes change.
add_library(dare_flags INTERFACE)
target_compile_options(dare_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-psabi -ffp-contract=off)
# GCC 12 warns falsely where strings are concatenated (its bug 105651).
target_compile_options(dare_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# In a unity build a source's own types look like a header's.
target_compile_options(dare_flags INTERFACE $<$<AND:$<BOOL:${CMAKE_UNITY_BUILD}>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>)
if(DARE_WARNINGS_AS_ERRORS)
  target_compile_options(dare_flags INTERFACE -Werror)
endif()
if(DARE_SANITIZE)
  target_compile_options(dare_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(dare_flags INTERFACE -fsanitize=address,undefined)
endif()
if(DARE_FUZZ)
  target_compile_options(dare_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# dare_add_module(<name> a.cpp ...)
# Headers are those of include/dare/<name>; each is compiled on its own by all_verify_interface_header_sets.
function(dare_add_module name)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/dare/${name}/*.hpp)
  target_sources(dare PRIVATE ${ARGN})
  target_sources(dare PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
endfunction()

# dare_add_program(<name> main.cpp ...): a program that is installed, with the manual page and the bash completion that it prints.
function(dare_add_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE dare dare_flags Boost::program_options fmt::fmt PkgConfig::nlohmann_json)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    return()  # it cannot be run here
  endif()
  set(man ${PROJECT_BINARY_DIR}/man/${name}.1)
  set(completion ${PROJECT_BINARY_DIR}/completion/${name})
  add_custom_command(OUTPUT ${man} ${completion} DEPENDS ${name} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man ${PROJECT_BINARY_DIR}/completion
    COMMAND ${name} --man > ${man}
    COMMAND ${name} --completion bash > ${completion})
  add_custom_target(${name}-manual ALL DEPENDS ${man} ${completion})
  install(FILES ${man} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endfunction()

# dare_add_kernels(a.cpp ...): sources of dare that Highway compiles once per instruction set. UndefinedBehaviorSanitizer would make
# each intrinsic a function of checks and the build minutes longer; AddressSanitizer sees their loads and stores. Each includes itself
# again, so none can share a unit of a unity build.
function(dare_add_kernels)
  target_sources(dare PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} TARGET_DIRECTORY dare PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(DARE_SANITIZE)
    set_source_files_properties(${ARGN} TARGET_DIRECTORY dare PROPERTIES COMPILE_OPTIONS -fno-sanitize=undefined)
  endif()
endfunction()
