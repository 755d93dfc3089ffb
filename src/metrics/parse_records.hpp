#pragma once
/// The file forms of read_records(). Each adds to out.names and out.records, and throws InputError at a broken line.

#include <dare/metrics/records.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace dare::metrics {

void parse_json_lines(std::string_view text, Records& out);
void parse_json_array(std::string_view text, Records& out);
void parse_csv(std::string_view text, Records& out);
void parse_tsv(std::string_view text, const std::vector<std::string>& headerless, Records& out);
void parse_lines(std::string_view text, Records& out);

/// Takes the next line, without its LF or CR LF, off the front of `rest`. @pre !rest.empty()
[[nodiscard]] std::string_view take_line(std::string_view& rest);

}  // namespace dare::metrics
