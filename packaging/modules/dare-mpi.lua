-- Lmod. Set `prefix`, and name the modules of the MPI library and HDF5 that it was built with.
local prefix = "/apps/dare-mpi/0.1.0"
help([[dare-mpi merges fine-tuned language models with DARE over MPI. Begin with: man dare-merge]])
whatis("Name: dare-mpi")
whatis("Version: 0.1.0")
whatis("Description: distributed DARE merging of LLM checkpoints over MPI")
-- depends_on("gcc/12", "openmpi/4.1", "hdf5-parallel/1.10")
prepend_path("PATH", pathJoin(prefix, "bin"))
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
append_path("MANPATH", ":")  -- an empty path stands for the system's pages
if os.getenv("XDG_DATA_DIRS") == nil then append_path("XDG_DATA_DIRS", "/usr/local/share:/usr/share") end
prepend_path("XDG_DATA_DIRS", pathJoin(prefix, "share"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
prepend_path("PKG_CONFIG_PATH", pathJoin(prefix, "lib/pkgconfig"))  -- lib64 where the installation has that
