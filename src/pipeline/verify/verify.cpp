#include <dare/pipeline/verify.hpp>

#include "pipeline/verify/verify_deltas.hpp"
#include "pipeline/verify/verify_report.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/file.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

struct Loaded {
  Manifest manifest;
  checkpoint::Header output;
  std::optional<std::string> unreadable;
  std::vector<std::string> parts_that_differ;
  template <class A>
  void archive(A& a) {
    a(manifest, output, unreadable, parts_that_differ);
  }
};

// What one may not read is not known to differ.
void require_readable(const fs::path& output) {
  try {
    if (!fs::is_directory(output)) return void(File::open_read(output));
    for (const auto& entry : fs::directory_iterator{output}) {
      std::error_code leads_nowhere;
      if (entry.is_regular_file(leads_nowhere)) (void)File::open_read(entry.path());
    }
  } catch (const IoError& error) { throw InputError{error.what()}; } catch (const fs::filesystem_error& failure) {
    throw InputError{fmt::format("{}: cannot be read: {}", output.string(), failure.code().message())};
  }
}

std::string why_absent(const OutputPaths& paths, const fs::file_status& status, const std::error_code& failure) {
  if (status.type() == fs::file_type::none) return "cannot be read: " + failure.message();
  std::error_code unknown;
  if (!fs::exists(paths.temporary, unknown)) return "no such file or folder";
  return fmt::format("not finished: its run was interrupted or is under way, what it has done is in {}; go on with --resume",
                     paths.temporary.string());
}

// Of a folder that lost its weights no format's rule tells what is amiss.
std::string why_unreadable(const Manifest& manifest, const fs::path& output, const InputError& error) {
  const auto missing = manifest.parts ? missing_weight_files(*manifest.parts, output) : std::vector<std::string>{};
  if (missing.empty()) return error.what();
  return fmt::format("{} {} missing", fmt::join(missing, ", "), missing.size() == 1 ? "is" : "are");
}

// Rank 0's part. An output that is there and cannot be read differs from what was written: that is a finding, no bad input.
Loaded load(const fs::path& output) {
  const OutputPaths paths{output};
  std::error_code failure;
  if (const auto status = fs::status(paths.output, failure); !fs::exists(status))
    throw InputError{fmt::format("{}: {}", paths.output.string(), why_absent(paths, status, failure))};
  checkpoint::require_finished(paths.output);
  require_readable(paths.output);
  Loaded loaded{read_manifest(paths.manifest), {}, std::nullopt, {}};
  if (loaded.manifest.deltas) return loaded;
  try {
    loaded.output = checkpoint::read_header(paths.output);
    if (loaded.manifest.parts) loaded.parts_that_differ = parts_that_differ(*loaded.manifest.parts, parts_of(loaded.output));
  } catch (const InputError& error) { loaded.unreadable = why_unreadable(loaded.manifest, paths.output, error); }
  return loaded;
}

}  // namespace

int verify(const VerifyOptions& options, const comm::Communicator& world) {
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = world.from_root([&] { return load(options.output); });
  VerifyReport report{options, loaded.manifest, loaded.output, world.size()};
  if (loaded.manifest.deltas) {
    report.blocks = check_deltas(options, loaded.manifest, world);
  } else if (loaded.unreadable) {
    report.unreadable = true;
    report.blocks.problems.push_back(*loaded.unreadable);
  } else {
    report.blocks = check_blocks(loaded.manifest, loaded.output, world);
    auto& problems = report.blocks.problems;
    problems.insert(problems.end(), loaded.parts_that_differ.begin(), loaded.parts_that_differ.end());
    if (options.against) report.inputs = check_inputs(options, loaded.manifest, loaded.output, world);
    world.agree([&] {
      if (world.is_root()) checkpoint::check_unchanged(loaded.output);
    });
  }
  report.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  comm::print_result(world, options.json ? report.json() : report.text());
  return static_cast<int>(report.equal() ? ExitCode::done : ExitCode::mismatch);
}

}  // namespace dare::pipeline
