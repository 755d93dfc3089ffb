#pragma once
/// Opcodes of the pickle format (Python's Lib/pickletools.py): those that a state dict needs, and the names of the others.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace dare::checkpoint::pickle {

enum class Op : std::uint8_t {
  mark = 0x28,
  empty_tuple = 0x29,
  stop = 0x2E,
  bin_bytes = 0x42,
  short_bin_bytes = 0x43,
  bin_float = 0x47,
  bin_int = 0x4A,
  bin_int1 = 0x4B,
  bin_int2 = 0x4D,
  none = 0x4E,
  bin_pers_id = 0x51,
  reduce = 0x52,
  bin_string = 0x54,
  short_bin_string = 0x55,
  bin_unicode = 0x58,
  empty_list = 0x5D,
  append = 0x61,
  build = 0x62,
  global = 0x63,
  appends = 0x65,
  bin_get = 0x68,
  long_bin_get = 0x6A,
  bin_put = 0x71,
  long_bin_put = 0x72,
  set_item = 0x73,
  tuple = 0x74,
  set_items = 0x75,
  empty_dict = 0x7D,
  proto = 0x80,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  new_true = 0x88,
  new_false = 0x89,
  long1 = 0x8A,
  short_bin_unicode = 0x8C,
  bin_unicode8 = 0x8D,
  bin_bytes8 = 0x8E,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
};

/// Known to Python, refused here.
inline constexpr std::array<std::pair<std::uint8_t, std::string_view>, 27> k_refused_opcodes{{
    {0x30, "POP"},        {0x31, "POP_MARK"},    {0x32, "DUP"},
    {0x46, "FLOAT"},      {0x49, "INT"},         {0x4C, "LONG"},
    {0x50, "PERSID"},     {0x53, "STRING"},      {0x56, "UNICODE"},
    {0x64, "DICT"},       {0x67, "GET"},         {0x69, "INST"},
    {0x6C, "LIST"},       {0x6F, "OBJ"},         {0x70, "PUT"},
    {0x81, "NEWOBJ"},     {0x82, "EXT1"},        {0x83, "EXT2"},
    {0x84, "EXT4"},       {0x8B, "LONG4"},       {0x8F, "EMPTY_SET"},
    {0x90, "ADDITEMS"},   {0x91, "FROZENSET"},   {0x92, "NEWOBJ_EX"},
    {0x96, "BYTEARRAY8"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
}};

/// The name of a refused opcode; empty for one that no protocol has.
[[nodiscard]] constexpr std::string_view opcode_name(Op code) {
  for (const auto& [number, name] : k_refused_opcodes) {
    if (number == static_cast<std::uint8_t>(code)) return name;
  }
  return {};
}

}  // namespace dare::checkpoint::pickle
