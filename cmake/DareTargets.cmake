# How targets are made here: one static library a module, linked only to the modules before it.

# Flags of every target, tests included. Without -ffp-contract=off the compiler fuses a * b + c and the bytes change.
add_library(dare_flags INTERFACE)
target_compile_options(dare_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-psabi -ffp-contract=off)
# GCC 12 warns falsely where strings are concatenated (its bug 105651).
target_compile_options(dare_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(DARE_WARNINGS_AS_ERRORS)
  target_compile_options(dare_flags INTERFACE -Werror)
endif()
if(DARE_SANITIZE)
  target_compile_options(dare_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(dare_flags INTERFACE -fsanitize=address,undefined)
endif()

# dare_add_module(<name> SOURCES a.cpp ... [PUBLIC lib ...] [PRIVATE lib ...])
# Headers are those of include/dare/<name>; each is compiled on its own by all_verify_interface_header_sets.
function(dare_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/dare/${name}/*.hpp)
  add_library(dare_${name} STATIC ${arg_SOURCES})
  target_sources(dare_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_include_directories(dare_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(dare_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:dare_flags>)
  set_target_properties(dare_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# dare_add_program(<name> SOURCES main.cpp ... LIBRARIES lib ...): a program that is installed.
function(dare_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} dare_flags)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
