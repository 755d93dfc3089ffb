#include "app/option_values.hpp"
#include "app/program.hpp"
#include "app/run_options.hpp"
#include "recipe/names.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/error.hpp>
#include <dare/pipeline/convert.hpp>
#include <dare/pipeline/convert_delta.hpp>

#include <fmt/format.h>

namespace {

namespace po = boost::program_options;
using dare::app::Given;

dare::app::RunWords words() {
  dare::app::RunWords words;
  words.resume = "go on where an interrupted run of the same command stopped; with --delta it begins again";
  words.overwrite = "replace DST, which must be a model, once the new one is complete";
  words.hash_inputs.clear();  // a conversion has no manifest that they could be in
  words.notes = "notes on the conversion";
  words.json = "the summary as JSON on stdout";
  return words;
}

dare::app::Program program() {
  po::options_description what{"What to convert"};
  what.add_options()("dtype", dare::app::dtype_value("T"), "round floats to this type, e.g. BF16 (as stored)");
  what.add_options()(
      "overflow", dare::app::word_value("O", dare::app::words_of_table(dare::recipe::k_overflow)),
      fmt::format("finite floats too large for --dtype: {} (error)", dare::recipe::one_of(dare::recipe::k_overflow)).c_str());
  what.add_options()("reshard", po::bool_switch(), "cut a folder by --shard-size, instead of the source's own shards");
  what.add_options()("link", po::bool_switch(), "DST.h5 is a view of the .safetensors files in place: kilobytes, no copy");
  po::options_description selection{"Which tensors, under which names"};
  auto some = selection.add_options();
  some("include", po::value<std::vector<std::string>>()->value_name("REGEX"),
       "only tensors whose name has this in it; may be given more than once");
  some("exclude", po::value<std::vector<std::string>>()->value_name("REGEX"),
       "no tensors whose name has this in it; may be given more than once");
  some("rename", po::value<std::vector<std::string>>()->value_name("REGEX=TEXT"),
       "TEXT in place of every match in a name; in the order given");
  po::options_description delta{"Delta checkpoints"};
  auto add = delta.add_options();
  add("delta", po::bool_switch(), "DST has of the model SRC only what DARE keeps, e.g. a tenth of it; dare-merge takes it as a model");
  add("base", dare::app::path_value("B"), "the model that SRC was fine-tuned from: its names decide on the masks");
  add("drop-rate", dare::app::number_value<double>("drop-rate", "P"), "share of the elements to drop, 0 to 1");
  add("seed", dare::app::number_value<std::uint64_t>("seed", "S"), "of the masks (0); merges must have the same");
  add("stream", dare::app::number_value<std::uint64_t>("stream", "N"),
      "number of the random stream (0); the model must have the same in merges");
  auto exits = dare::app::run_exit_meanings("DST");
  set_meaning(exits, dare::ExitCode::usage, "the command line is wrong, whatever else is; nothing was written");
  return {.name = "dare-convert",
          .summary = "converts a checkpoint between safetensors and HDF5, reads PyTorch files, over MPI",
          .usage = {"SRC DST [options]", "SRC DST --delta --base B --drop-rate P [--seed S] [--stream N] [options]"},
          .description =
              "SRC is a Hugging Face folder, a .safetensors, .h5, .bin, .pt or .pth file. A DST that ends in .h5 or .safetensors is one "
              "file, any other a Hugging Face folder. There and back again gives the same files byte for byte. PyTorch files are read "
              "without running their code: a pickle that asks for more than tensors is refused.",
          .groups = {what, selection, delta, dare::app::run_options_group(words())},
          .positional = "words",
          .sections =
              {{"Selecting and renaming",
                "REGEX is an ECMAScript regular expression, searched for anywhere in a name (^ and $ are its ends). Tensors are "
                "selected by their old names, then renamed; TEXT may have $1, $2, ... for the groups of the match and $& for all "
                "of it, and holds no '='. An expression that is found nowhere, and two tensors that get one name, are errors. "
                "Both go with --dtype and --link. Config and tokenizer are copied as they are."},
               {"Delta checkpoints",
                "With --delta DST holds only the elements of SRC that DARE keeps, and no indices: the mask is a function of seed, "
                "stream, tensor name and place. It merges to the same bytes as the model it was made from, with any base of "
                "these names, at its own drop rate or a higher one, given its seed and stream. A model's stream is its position "
                "in the recipe, from 0, unless the recipe sets it. An interrupted conversion to a delta checkpoint leaves nothing to "
                "go on from: with --resume it begins again. --writers, --memory-per-rank and --shard-size do not go with --delta, nor do "
                "--dtype, --overflow, --reshard, --link, --include, --exclude and --rename; --progress has no effect."},
               {"Views",
                "With --link DST.h5 has no weights of its own: its datasets lie in the .safetensors files, in place. The view and "
                "the files may move together. h5dump and h5py find the data when HDF5_EXTFILE_PREFIX is '${ORIGIN}'."}},
          .files = {{".DST.partial, .DST.journal",
                     "of a conversion under way or interrupted, beside DST; --resume needs both. Of a single file its "
                     "ending follows again: .DST.partial.h5"}},
          .examples = {{"A Hugging Face folder as one HDF5 file", "mpirun -n 4 dare-convert llama/ llama.h5"},
                       {"An HDF5 view of it: kilobytes, no copy", "dare-convert llama/ view.h5 --link"},
                       {"Back to a folder, rounded to bfloat16, in shards of 2 GB",
                        "mpirun -n 4 dare-convert llama.h5 llama-bf16/ --dtype BF16 --shard-size 2GB"},
                       {"The text part of a multimodal model, under the names it has alone",
                        "dare-convert model/ text.safetensors --include '^language_model\\.' --rename '^language_model\\.='"},
                       {"The tenth of a model that a merge at drop rate 0.9 needs",
                        "mpirun -n 4 dare-convert math/ math-delta.h5 --delta --base llama/ --drop-rate 0.9 --seed 42"}},
          .exits = exits,
          .see_also = {"dare-merge", "dare-inspect", "dare-diff"}};
}

std::vector<std::string> words_of(const Given& given) {
  auto words = dare::app::positional_words(given);
  if (words.size() != 2)
    throw dare::UsageError{fmt::format("SRC and DST are expected, found {}; see dare-convert --help",
                                       words.empty()       ? "neither"
                                       : words.size() == 1 ? "SRC alone"
                                                           : fmt::format("{} words", words.size()))};
  return words;
}

dare::pipeline::DeltaOptions delta_options_from(const Given& given) {
  dare::pipeline::DeltaOptions options;
  options.run = dare::app::run_options_from(given, "dare-convert");
  const auto words = words_of(given);
  options.model = words[0];
  options.output = words[1];
  dare::checkpoint::check_ending(options.output);
  for (const auto* name : {"include", "exclude", "rename"}) {
    if (given.count(name) != 0)
      throw dare::UsageError{
          fmt::format("--{} does not go with --delta, whose masks belong to the base's names; convert the model with it first", name)};
  }
  for (const auto* name : {"writers", "memory-per-rank", "shard-size"}) {
    if (!given[name].defaulted()) throw dare::UsageError{fmt::format("--{} has no effect with --delta; leave it out", name)};
  }
  if (given.count("dtype") != 0 || given.count("overflow") != 0 || given["link"].as<bool>() || given["reshard"].as<bool>())
    throw dare::UsageError{"--dtype, --overflow, --link and --reshard do not go with --delta"};
  // No journal is kept: a requeued job begins again.
  if (options.run.resumes()) options.run.unfinished = dare::pipeline::Unfinished::refuse;
  if (given.count("base") == 0 || given.count("drop-rate") == 0) throw dare::UsageError{"--delta needs --base and --drop-rate"};
  options.base = given["base"].as<std::string>();
  options.mask.drop_rate = given["drop-rate"].as<double>();
  if (!(options.mask.drop_rate >= 0 && options.mask.drop_rate <= 1))
    throw dare::UsageError{fmt::format("--drop-rate {}: give a number from 0 to 1", options.mask.drop_rate)};
  if (given.count("seed") != 0) options.mask.seed = given["seed"].as<std::uint64_t>();
  if (given.count("stream") != 0) options.mask.stream = given["stream"].as<std::uint64_t>();
  return options;
}

dare::merge::Overflow overflow_from(const Given& given) {
  const auto text = dare::app::optional_value<std::string>(given, "overflow");
  if (!text) return dare::merge::Overflow::error;
  const auto overflow = dare::recipe::value_of(dare::recipe::k_overflow, *text);
  if (!overflow)
    throw dare::UsageError{fmt::format("--overflow: expected {}, found \"{}\"", dare::recipe::one_of(dare::recipe::k_overflow), *text)};
  if (given.count("dtype") == 0) throw dare::UsageError{"--overflow goes with --dtype"};
  return *overflow;
}

dare::pipeline::ConvertOptions options_from(const Given& given) {
  dare::pipeline::ConvertOptions options;
  options.run = dare::app::run_options_from(given, "dare-convert");
  const auto words = words_of(given);
  for (const auto* name : {"base", "drop-rate", "seed", "stream"}) {
    if (given.count(name) != 0) throw dare::UsageError{fmt::format("--{} goes with --delta", name)};
  }
  options.source = words[0];
  options.output = words[1];
  dare::checkpoint::check_ending(options.output);
  options.dtype = dare::app::float_dtype(given, "dtype");
  options.overflow = overflow_from(given);
  options.selection.include = dare::app::list_value<std::string>(given, "include");
  options.selection.exclude = dare::app::list_value<std::string>(given, "exclude");
  for (const auto& text : dare::app::list_value<std::string>(given, "rename"))
    options.selection.rename.push_back(dare::checkpoint::parse_rename(text));
  options.keep_shards = !given["reshard"].as<bool>() && given["shard-size"].defaulted();
  options.link = given["link"].as<bool>();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, program(), [](const Given& given, const dare::comm::Communicator& world) {
    if (given["delta"].as<bool>()) {
      dare::pipeline::DeltaOptions options;
      world.agree([&] { options = delta_options_from(given); });
      return dare::pipeline::convert_delta(options, world);
    }
    dare::pipeline::ConvertOptions options;
    world.agree([&] { options = options_from(given); });
    return dare::pipeline::convert(options, world);
  });
}
