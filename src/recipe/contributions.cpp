// What each model brings to a tensor: names, types, shapes, rows, coefficients.
#include "recipe/resolver.hpp"

#include <dare/core/shape.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::recipe {
namespace {

using checkpoint::TensorInfo;

std::string_view kind_of(Dtype dtype) {
  return is_floating(dtype) ? "a float" : info(dtype).kind == DtypeKind::integer ? "an integer" : "neither float nor integer";
}

}  // namespace

bool Resolver::fits(std::size_t model, const TensorInfo& base, const TensorInfo& other) {
  const auto problem = [&](const std::string& advice) {
    problems_.input(fmt::format("{}: tensor \"{}\": {}, expected {} {}; {}", root(model), other.name, dtype_and_shape(other), owner_,
                                dtype_and_shape(base), advice));
    return false;
  };
  if (is_floating(base.dtype) != is_floating(other.dtype)) {
    return problem(
        fmt::format("{} is not merged with {}; exclude the tensor to keep {}", kind_of(other.dtype), kind_of(base.dtype), owner_));
  }
  if (base.shape == other.shape) return true;
  // Vocabularies are rows of matrices: a bias with another extent alone is another architecture's, and beside a matrix that one says it.
  const bool may_be_vocabulary = differ_in_rows_alone(base.shape, other.shape) && (base.shape.size() > 1 || recipe_.rows != Rows::error);
  if (!may_be_vocabulary) { return problem(fmt::format("the models are not of one architecture; exclude the tensor to keep {}", owner_)); }
  if (recipe_.rows == Rows::error) return problem("the rows differ: set rows: base or rows: extend, or exclude the tensor");
  if (recipe_.rows == Rows::extend && other.low_rank >= 0 && other.shape.front() > base.shape.front()) {
    return problem(
        "an adapter changes added rows whose first values the base lacks: merge it into its resized base with PEFT and give the "
        "result, or set rows: base");
  }
  return true;
}

std::optional<std::uint32_t> Resolver::auxiliary_of(std::size_t model, const TensorInfo& base, const Shape& shape) {
  const auto kind = auxiliary(method_);
  if (kind == merge::Auxiliary::none) return std::nullopt;
  const auto& header = auxiliaries_[model];
  const bool gram = kind == merge::Auxiliary::gram;
  if (gram && shape.size() != 2) return std::nullopt;  // averaged
  const auto expected = gram ? Shape{shape[1], shape[1]} : shape;
  const auto match = auxiliary_matchers_[model].find(base);
  if (!match || match->how == Match::How::tied) {
    if (gram) return std::nullopt;
    lacking_.add(header.root.string(), "lacks Fisher weights of", "; it must have every merged tensor", base.name);
    return std::nullopt;
  }
  const auto& found = header.tensors[match->tensor];
  if (found.shape != expected || !is_floating(found.dtype)) {
    problems_.input(fmt::format("{}: tensor \"{}\": {}, expected a float {}; {}, gather {} on the model beside which the recipe lists {}",
                                header.root.string(), found.name, dtype_and_shape(found), to_string(expected),
                                gram ? "a Gram matrix is as wide as the tensor's rows are long" : "Fisher weights have the tensor's shape",
                                gram ? "it" : "them", gram ? "it" : "them"));
  }
  return match->tensor;
}

std::optional<Resolver::Contribution> Resolver::contribution(std::size_t model, std::uint32_t tensor) {
  if (strangers_[model]) return std::nullopt;
  const auto& base = frame_.tensors[tensor];
  const auto match = matchers_[model].find(base);
  if (!match) {
    // What an adapter does not name it does not change.
    if (!models_[model].low_rank.empty() && recipe_.base) return Contribution{{-1, tensor, std::nullopt}, &base, base.elements};
    if (recipe_.missing == Missing::error) {
      lacking_.add(root(model), lacks_, "; give the whole model, exclude them, or set missing: base or missing: skip", base.name);
      return std::nullopt;
    }
    const bool stands_in = recipe_.missing == Missing::base && recipe_.base;
    notes_.add(root(model), lacks_,
               stands_in ? "; the base stands in for it (missing: base)" : "; they are merged without it (missing: skip)", base.name);
    if (!stands_in) return std::nullopt;
    return Contribution{{-1, tensor, std::nullopt}, &base, base.elements};
  }
  used_[model][match->tensor] = true;
  const auto& other = models_[model].tensors[match->tensor];
  if (!fits(model, base, other)) return std::nullopt;
  if (match->how == Match::How::tied) {
    notes_.add(root(model), fmt::format("saved tied weights once: its \"{}\" is taken for", other.name), "", base.name);
  } else if (match->how == Match::How::renamed) {
    const auto& rule = *matchers_[model].rule();
    notes_.add(root(model), fmt::format("names begin with \"{}\" instead of \"{}\"; matched:", rule.model, rule.base), "", base.name);
  }
  if (other.dtype != base.dtype) {
    const bool narrower = recipe_.base && info(other.dtype).bits < info(base.dtype).bits;
    notes_.add(root(model),
               fmt::format("{} beside {} {}, widened exactly{}:", name(other.dtype), owner_, name(base.dtype),
                           narrower ? ", so that its rounding is part of its delta" : ""),
               "", base.name);
  }
  if (other.shape != base.shape) {
    notes_.add(root(model),
               fmt::format("{} rows beside {} {} (rows: {}):", other.shape.front(), owner_, base.shape.front(),
                           recipe_.rows == Rows::base ? "base" : "extend"),
               "", base.name);
  }
  const auto usable = recipe_.rows == Rows::base ? std::min(base.elements, other.elements) : other.elements;
  return Contribution{{static_cast<std::int32_t>(model), match->tensor, auxiliary_of(model, base, other.shape)}, &other, usable};
}

merge::ModelTerm Resolver::term(std::size_t model, std::uint32_t tensor, const Contribution& contribution) {
  const auto& given = model_parameters_[model];
  const std::string_view tensor_name = frame_.tensors[tensor].name;
  const auto depth = depths_[tensor];
  merge::ModelTerm term;
  term.model = static_cast<std::uint32_t>(model);
  term.dtype = contribution.info->dtype;
  if (contribution.info->low_rank >= 0) term.source = merge::Source::delta;
  if (contribution.input.auxiliary) term.auxiliary = auxiliaries_[model].tensors[*contribution.input.auxiliary].dtype;
  term.weight = *given.weight->at(tensor_name, depth);
  if (const auto rate = given.rate.at(tensor_name, depth)) {
    term.rate = *rate;
  } else {
    unrated_.add(fmt::format("{}: {}", recipe_.where, recipe_.models[model].written), "no drop_rate or density matches",
                 "; add a part without a filter", tensor_name);
  }
  // Of della's rates, which are spread, some may be below.
  if (term.rate.drop == 1 && method_.sparsifier != merge::Sparsifier::none && method_.sparsifier != merge::Sparsifier::della)
    notes_.add(root(model), "drop_rate 1: its whole delta is dropped, it adds nothing to", "", tensor_name);
  term.rescale = *given.rescale;
  term.stream = recipe_.models[model].stream;
  if (takes(method_, merge::Parameter::gamma)) term.gamma = *given.gamma->at(tensor_name, depth);
  if (takes(method_, merge::Parameter::epsilon)) term.epsilon = *given.epsilon->at(tensor_name, depth);
  term.elements = contribution.elements;
  return term;
}

}  // namespace dare::recipe
