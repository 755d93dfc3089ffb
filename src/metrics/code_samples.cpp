#include <dare/metrics/align.hpp>
#include <dare/metrics/code_samples.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <map>

namespace dare::metrics {
namespace {

const std::string& text_of(const Records& records, const Record& record, const std::string& field) {
  return value_of(records, record, field).text;
}

std::string lines_of(const Record& record, const char* field) {
  const auto* value = record.find(field);
  if (value == nullptr || value->kind == Value::Kind::null) return {};
  if (value->kind != Value::Kind::list) return value->text + "\n";
  std::string lines;
  for (const auto& item : value->items) lines += item + "\n";
  return lines;
}

std::string humaneval_program(const CodeSample& it, const Records& samples, const Records& problems, const std::string& field) {
  const auto whole = field.empty() && it.sample->find("completion") == nullptr && it.sample->find("solution") != nullptr;
  auto program = whole ? text_of(samples, *it.sample, "solution")
                       : text_of(problems, *it.problem, "prompt") + text_of(samples, *it.sample, field.empty() ? "completion" : field);
  program += "\n" + text_of(problems, *it.problem, "test") + "\n";
  return program + "check(" + text_of(problems, *it.problem, "entry_point") + ")\n";
}

std::string mbpp_program(const CodeSample& it, const Records& samples, const Records& problems, const std::string& field) {
  const auto* chosen = !field.empty()                                                                   ? field.c_str()
                       : it.sample->find("completion") == nullptr && it.sample->find("code") != nullptr ? "code"
                                                                                                        : "completion";
  const auto& tests = value_of(problems, *it.problem, "test_list");
  if (tests.kind != Value::Kind::list || tests.items.empty()) {
    throw InputError{fmt::format("{}: test_list is no list of assertions", problems.where(*it.problem))};
  }
  return lines_of(*it.problem, "test_setup_code") + lines_of(*it.problem, "test_imports") + text_of(samples, *it.sample, chosen) + "\n" +
         lines_of(*it.problem, "test_list");
}

}  // namespace

std::vector<CodeSample> match_samples(const Records& samples, const Records& problems) {
  for (const auto* records : {&samples, &problems}) {
    if (records->records.empty()) throw InputError{fmt::format("{}: no records; expected at least one", records->path.string())};
  }
  struct Known {
    const Record* problem;
    std::uint64_t samples = 0;
  };
  std::map<std::string, Known> known;
  for (const auto& problem : problems.records) {
    const auto& id = text_of(problems, problem, "task_id");
    if (!known.emplace(id, Known{&problem}).second)
      throw InputError{fmt::format("{}: task_id \"{}\" stands twice", problems.where(problem), id)};
  }
  std::vector<CodeSample> out;
  for (const auto& sample : samples.records) {
    const auto& id = text_of(samples, sample, "task_id");
    const auto found = known.find(id);
    if (found == known.end()) {
      throw InputError{fmt::format("{}: task_id \"{}\" is not among the {} of {}", samples.where(sample), id, problems.records.size(),
                                   problems.path.string())};
    }
    out.push_back({id, found->second.samples++, &sample, found->second.problem});
  }
  for (const auto& problem : problems.records) {
    const auto& id = text_of(problems, problem, "task_id");
    if (known.at(id).samples == 0) {
      throw InputError{
          fmt::format("{}: no sample for task_id \"{}\" of {}; sample every problem", samples.path.string(), id, problems.where(problem))};
    }
  }
  return out;
}

std::string program_of(const Task& task, const CodeSample& sample, const Records& samples, const Records& problems,
                       const std::string& field) {
  return task.name == "mbpp" ? mbpp_program(sample, samples, problems, field) : humaneval_program(sample, samples, problems, field);
}

}  // namespace dare::metrics
