#%Module1.0
## Environment Modules. Set `prefix`, and name the modules of the MPI library and HDF5 that it was built with.
set prefix /apps/dare-mpi/0.1.0
proc ModulesHelp {} {
    puts stderr "dare-mpi merges fine-tuned language models with DARE over MPI. Begin with: man dare-merge"
}
module-whatis "distributed DARE merging of LLM checkpoints over MPI, 0.1.0"
# prereq openmpi hdf5-parallel
prepend-path PATH $prefix/bin
prepend-path MANPATH $prefix/share/man
append-path MANPATH {}
if { ![info exists ::env(XDG_DATA_DIRS)] } { append-path XDG_DATA_DIRS /usr/local/share:/usr/share }
prepend-path XDG_DATA_DIRS $prefix/share
prepend-path CMAKE_PREFIX_PATH $prefix
prepend-path PKG_CONFIG_PATH $prefix/lib/pkgconfig
