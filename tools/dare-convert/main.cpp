#include "app/program.hpp"
#include "app/run_options.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/convert.hpp>

#include <fmt/format.h>

namespace {

namespace po = boost::program_options;
using dare::app::Given;

dare::app::Program program() {
  po::options_description what{"What to convert"};
  what.add_options()("dtype", po::value<std::string>()->value_name("T"), "round floats to this type, e.g. BF16 (as stored)");
  what.add_options()("reshard", po::bool_switch(), "cut a folder by --shard-size, instead of the source's own shards");
  what.add_options()("link", po::bool_switch(), "DST.h5 is a view of the .safetensors files in place: kilobytes, no copy");
  return {"dare-convert",
          "converts a checkpoint between safetensors and HDF5, reads PyTorch files, over MPI",
          {"SRC DST [options]"},
          "SRC: a Hugging Face folder, a .safetensors, .h5, .bin, .pt or .pth file. DST ending in .h5 or .safetensors is one file, "
          "otherwise a\n"
          "Hugging Face folder. There and back again gives the same files byte for byte.\n\n"
          "Examples:\n"
          "  mpirun -n 4 dare-convert model/ model.h5\n"
          "  dare-convert model/ view.h5 --link\n"
          "  mpirun -n 4 dare-convert model.h5 model-bf16/ --dtype BF16 --shard-size 2GB\n\n"
          "Exit codes: 0 done, 1 runtime failure, 2 usage, 3 bad input or DST exists, 75 interrupted: --resume\n",
          {what, dare::app::run_options_group()},
          "words"};
}

dare::pipeline::ConvertOptions options_from(const Given& given) {
  dare::pipeline::ConvertOptions options;
  options.run = dare::app::run_options_from(given, "dare-convert");
  const auto words = given.count("words") != 0 ? given["words"].as<std::vector<std::string>>() : std::vector<std::string>{};
  if (words.size() != 2) throw dare::UsageError{fmt::format("{} words, SRC and DST are expected; see dare-convert --help", words.size())};
  options.source = words[0];
  options.output = words[1];
  if (given.count("dtype") != 0) {
    const auto text = given["dtype"].as<std::string>();
    options.dtype = dare::dtype_from_user(text);
    if (!options.dtype || !is_floating(*options.dtype))
      throw dare::UsageError{fmt::format("--dtype {}: no float type; give e.g. F32, BF16, F16", text)};
  }
  options.keep_shards = !given["reshard"].as<bool>() && given["shard-size"].defaulted();
  options.link = given["link"].as<bool>();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, program(), [](const Given& given, const dare::comm::Communicator& world) {
    dare::pipeline::ConvertOptions options;
    world.agree([&] { options = options_from(given); });
    return dare::pipeline::convert(options, world);
  });
}
