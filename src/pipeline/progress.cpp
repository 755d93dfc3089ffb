#include "pipeline/progress.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::chrono::milliseconds k_bar_interval{200};
constexpr std::chrono::seconds k_plain_interval{10};
constexpr int k_bar_width = 30;

ProgressStyle resolve(ProgressStyle style, bool speaks) {
  if (!speaks) return ProgressStyle::off;
  if (style != ProgressStyle::automatic) return style;
  return ::isatty(STDERR_FILENO) == 1 ? ProgressStyle::bar : ProgressStyle::plain;
}

}  // namespace

Progress::Progress(ProgressStyle style, std::uint64_t total, bool speaks, std::string_view doing)
    : style_{resolve(style, speaks)}, total_{std::max<std::uint64_t>(total, 1)}, doing_{doing} {
  last_ = start_;  // short runs say nothing
}

Progress::~Progress() {
  if (line_open_) comm::write_message("\n");
}

void Progress::update(std::uint64_t rounds_done, std::uint64_t rounds) {
  if (style_ == ProgressStyle::off) return;
  const auto now = Clock::now();
  const bool bar = style_ == ProgressStyle::bar;
  if (now - last_ < (bar ? Clock::duration{k_bar_interval} : Clock::duration{k_plain_interval})) return;
  last_ = now;
  const auto elapsed_s = std::chrono::duration<double>(now - start_).count();
  const auto share = static_cast<double>(rounds_done) / static_cast<double>(rounds);
  const auto done = static_cast<std::uint64_t>(share * static_cast<double>(total_));
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(done) / elapsed_s);
  const auto left_s = share > 0 ? elapsed_s * (1 - share) / share : 0;
  const auto text = fmt::format("{}{:3.0f} %  {} of {}  {}/s  {:.0f} s left", doing_, 100 * share, format_bytes(done), format_bytes(total_),
                                format_bytes(rate), left_s);
  if (bar) {
    const auto filled = static_cast<std::size_t>(share * k_bar_width);
    comm::write_message(fmt::format("\r[{}{}] {}\033[K", std::string(filled, '#'), std::string(k_bar_width - filled, '.'), text));
    line_open_ = true;
  } else {
    comm::write_message(text + "\n");
  }
}

}  // namespace dare::pipeline
