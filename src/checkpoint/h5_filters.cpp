#include "checkpoint/h5_filters.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace dare::checkpoint::hdf5 {
namespace {

constexpr std::size_t k_checksum_bytes = 4;

std::vector<std::byte> inflated(std::span<const std::byte> packed, std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  std::byte nothing{};  // zlib wants a place also for no bytes
  auto length = static_cast<uLongf>(bytes);
  const auto status = ::uncompress(reinterpret_cast<Bytef*>(out.empty() ? &nothing : out.data()), &length,
                                   reinterpret_cast<const Bytef*>(packed.data()), static_cast<uLong>(packed.size()));
  if (status == Z_MEM_ERROR) throw std::bad_alloc{};
  if (status == Z_OK && length == bytes) return out;
  if (status == Z_OK) throw InputError{fmt::format("unpacks to {} bytes, it has {}", length, bytes)};
  throw InputError{fmt::format("its compressed data are damaged, or unpack to more than its {} bytes", bytes)};
}

// Byte k of all elements lies together; what is behind the last whole element stays as it is.
std::vector<std::byte> unshuffled(const std::vector<std::byte>& in, std::size_t element) {
  const auto elements = in.size() / element;
  if (element == 1 || elements < 2) return in;
  std::vector<std::byte> out(in.size());
  for (std::size_t k = 0; k < element; ++k) {
    const auto* from = in.data() + k * elements;
    for (std::size_t i = 0; i < elements; ++i) out[i * element + k] = from[i];
  }
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(elements * element), in.end(),
            out.begin() + static_cast<std::ptrdiff_t>(elements * element));
  return out;
}

// Of big-endian words of 16 bits, a last single byte as the upper half of one; both sums end folded to 16 bits.
std::uint32_t fletcher32(std::span<const std::byte> data) {
  constexpr std::size_t k_words = 360;  // so many cannot overflow the sums
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xFFFFU) + (sum >> 16U); };
  const auto byte = [&](std::size_t i) { return i < data.size() ? std::to_integer<std::uint32_t>(data[i]) : 0U; };
  const auto words = (data.size() + 1) / 2;
  for (std::size_t begin = 0; begin < words; begin += k_words) {
    for (auto w = begin; w < std::min(words, begin + k_words); ++w) {
      low += byte(2 * w) << 8U | byte(2 * w + 1);
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  return fold(high) << 16U | fold(low);
}

std::vector<std::byte> checked(std::vector<std::byte> in) {
  if (in.size() < k_checksum_bytes) throw InputError{fmt::format("{} bytes, its checksum alone has {}", in.size(), k_checksum_bytes)};
  const auto data = std::span{in}.first(in.size() - k_checksum_bytes);
  std::uint32_t stored = 0;
  std::memcpy(&stored, in.data() + data.size(), k_checksum_bytes);
  const auto sum = fletcher32(data);
  // HDF5 before 1.6.3 stored it with the bytes of each half exchanged on little-endian machines.
  const auto exchanged = (sum & 0x00FF00FFU) << 8U | (sum >> 8U & 0x00FF00FFU);
  if (stored != sum && stored != exchanged) throw InputError{fmt::format("its checksum is {:08x}, {:08x} is stored", sum, stored)};
  in.resize(data.size());
  return in;
}

Filter filter_of(const std::filesystem::path& file, const std::string& name, hid_t creation, unsigned number) {
  unsigned flags = 0;
  std::array<unsigned, 8> values{};
  auto count = values.size();
  std::array<char, 64> text{};
  const auto id = H5Pget_filter2(creation, number, &flags, &count, values.data(), text.size(), text.data(), nullptr);
  check(id, {file, "look at a filter of", name});
  if (id == H5Z_FILTER_DEFLATE) return {FilterKind::deflate};
  if (id == H5Z_FILTER_FLETCHER32) return {FilterKind::fletcher32};
  if (id == H5Z_FILTER_SHUFFLE && count == 1 && values[0] > 0) return {FilterKind::shuffle, values[0]};
  text.back() = '\0';
  throw InputError{
      fmt::format("{}: dataset \"{}\" is packed by filter {} (\"{}\"), read are deflate, shuffle and fletcher32; repack the file "
                  "with `h5repack -f NONE`",
                  file.string(), name, static_cast<int>(id), text.data())};
}

}  // namespace

std::vector<Filter> filters_of(const std::filesystem::path& file, const std::string& name, hid_t creation) {
  const auto count = H5Pget_nfilters(creation);
  check(count, {file, "list the filters of", name});
  std::vector<Filter> filters;
  bool packed = false;
  for (int i = 0; i < count; ++i) {
    filters.push_back(filter_of(file, name, creation, static_cast<unsigned>(i)));
    if (filters.back().kind != FilterKind::deflate) continue;
    // What the inner one unpacks to has no size that could be checked.
    if (std::exchange(packed, true))
      throw InputError{fmt::format("{}: dataset \"{}\" is compressed twice; repack the file with `h5repack -f NONE`", file.string(), name)};
  }
  return filters;
}

std::vector<std::byte> unfilter(const std::vector<Filter>& filters, std::uint32_t skipped, std::vector<std::byte> stored,
                                std::size_t bytes) {
  const auto is_on = [&](std::size_t i) { return (skipped >> i & 1U) == 0; };
  for (auto i = filters.size(); i-- > 0;) {
    if (!is_on(i)) continue;
    switch (filters[i].kind) {
      case FilterKind::shuffle:
        stored = unshuffled(stored, filters[i].element);
        break;
      case FilterKind::fletcher32:
        stored = checked(std::move(stored));
        break;
      case FilterKind::deflate: {
        // What went into it: the chunk and the checksums put on before.
        auto before = bytes;
        for (std::size_t k = 0; k < i; ++k) {
          if (is_on(k) && filters[k].kind == FilterKind::fletcher32) before += k_checksum_bytes;
        }
        stored = inflated(stored, before);
        break;
      }
    }
  }
  if (stored.size() != bytes) throw InputError{fmt::format("{} bytes are stored, it has {}", stored.size(), bytes)};
  return stored;
}

}  // namespace dare::checkpoint::hdf5
