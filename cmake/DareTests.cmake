# How tests are added: one program a test file, run as it is or under mpirun at several rank counts.
find_package(GTest REQUIRED)
add_custom_target(unit_tests)  # the programs of all tests labelled `unit`

set(dare_mpi_preflags --oversubscribe --bind-to none)
# What every test that starts MPI programs has in its environment; docs/examples and install/consumer have what a user has instead, without the
# three added here, which spare waiting, 0.2 to 2 s a start. pml=ob1 is what is chosen on one node anyway; named, it spares the loading of
# libraries for fabrics, one of which measures the processor's clock for 0.2 s. When a rank has failed, mpirun kills the others at once, not after
# 1 s and 1 s again: so a rank that left before the message was out would be seen. A program without mpirun starts no daemon, which only
# MPI_Comm_spawn needs.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/lib/mpi-environment)
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/lib/mpi-environment dare_mpi_environment REGEX "^[^#]")
list(APPEND dare_mpi_environment OMPI_MCA_pml=ob1 OMPI_MCA_odls_base_sigkill_timeout=0 OMPI_MCA_ess_singleton_isolated=1)

function(dare_add_test_program name path)
  add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/${path}_test.cpp)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE DARE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  target_link_libraries(${name} PRIVATE dare dare_flags fmt::fmt PkgConfig::nlohmann_json ${ARGN})
endfunction()

# dare_add_test(<module>/<name>): tests/<module>/<name>_test.cpp without MPI. Extra arguments are libraries.
function(dare_add_test path)
  string(REPLACE / _ name ${path}_test)
  dare_add_test_program(${name} ${path} GTest::gmock_main ${ARGN})
  add_dependencies(unit_tests ${name})
  add_test(NAME ${path} COMMAND ${name})
  set_tests_properties(${path} PROPERTIES TIMEOUT 120 LABELS unit)
  if(DARE_SANITIZE)
    set_tests_properties(${path} PROPERTIES ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")
  endif()
endfunction()

# dare_add_mpi_test(<module>/<name> RANKS 1 2 3 5 [LIBRARIES lib ...]): the same under mpirun, one test a rank count.
function(dare_add_mpi_test path)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "RANKS;LIBRARIES")
  string(REPLACE / _ name ${path}_test)
  dare_add_test_program(${name} ${path} dare_test_mpi_main ${arg_LIBRARIES})
  foreach(np ${arg_RANKS})
    set(processors 1)
    set(cost 0)
    if(np GREATER 1)  # they mostly wait for each other; more than ctest's -j would run alone, and last
      set(processors 2)
      set(cost 150)
    endif()
    add_test(NAME ${path}.np${np} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${np} ${dare_mpi_preflags} $<TARGET_FILE:${name}>)
    set_tests_properties(${path}.np${np} PROPERTIES PROCESSORS ${processors} COST ${cost} TIMEOUT 300 LABELS "mpi;np${np}"
                         ENVIRONMENT "${dare_mpi_environment}")
  endforeach()
endfunction()
