#pragma once

#include <dare/checkpoint/delta.hpp>
#include <dare/pipeline/work.hpp>

#include <cstddef>

namespace dare::pipeline {

/// What the product's delta checkpoint of a model keeps: masks nest, so at the lowest rate of all tensors nothing is missing in any. Pure.
[[nodiscard]] checkpoint::DeltaMask mask_of(const Product& product, std::size_t model);

}  // namespace dare::pipeline
