#include "compare/figure_text.hpp"
#include "compare/fitness.hpp"

#include <dare/core/plural.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::compare {
namespace {

class Assessor {
 public:
  Assessor(const Fitness& fitness, const Pairing& pairing, const checkpoint::Header& model, const checkpoint::Header& base)
      : fitness_{fitness}, pairing_{pairing}, model_{model}, base_{base} {}

  Assessment run(const std::optional<std::string>& quantised) {
    if (quantised) warn(Verdict::unfit, *quantised);
    if (model_.delta) {
      warn(Verdict::fit,
           fmt::format("a delta checkpoint of drop rate {}: the figures are those of the elements that it has, the noise is not known",
                       model_.delta->mask.drop_rate));
    }
    architecture();
    if (fitness_.overall.finite() == 0) {
      warn(Verdict::unfit, "no float tensor of the base is in the model");
    } else if (fitness_.overall.sums.dd == 0) {
      warn(Verdict::unfit, "identical to the base: there is no delta to merge");
    } else {
      values();
    }
    advise();
    return std::move(result_);
  }

 private:
  void warn(Verdict verdict, std::string text) {
    result_.verdict = std::max(result_.verdict, verdict);
    result_.warnings.push_back(std::move(text));
  }

  std::string first_of(const std::vector<std::uint32_t>& positions, const checkpoint::Header& header) const {
    return fmt::format("{}, first \"{}\"", plural(positions.size(), "tensor"), header.tensors[positions.front()].name);
  }

  void architecture() {
    if (!pairing_.of_other_shape.empty()) {
      const auto& pair = pairing_.of_other_shape.front();
      warn(Verdict::unfit, fmt::format("{} of another shape, first \"{}\": {}, the base's {}; not of one architecture",
                                       plural(pairing_.of_other_shape.size(), "tensor"), model_.tensors[pair.a].name,
                                       to_string(model_.tensors[pair.a].shape), to_string(base_.tensors[pair.b].shape)));
    }
    rows();
    // An adapter need not change all.
    if (!pairing_.only_b.empty() && model_.low_rank.empty())
      warn(Verdict::doubtful, "the model lacks tensors of the base: " + first_of(pairing_.only_b, base_));
    if (!pairing_.only_a.empty())
      warn(Verdict::doubtful, "the model has tensors that the base lacks: " + first_of(pairing_.only_a, model_));
  }

  // A vocabulary longer or shorter than the base's: what both have is measured.
  void rows() {
    const auto differs = [&](const Pair& pair) { return model_.tensors[pair.a].shape != base_.tensors[pair.b].shape; };
    const auto found = std::find_if(pairing_.pairs.begin(), pairing_.pairs.end(), differs);
    if (found == pairing_.pairs.end()) return;
    const auto& tensor = model_.tensors[found->a];
    warn(Verdict::fit, fmt::format("tensor \"{}\" is {}, the base's {}: a merge refuses that unless the recipe sets rows: base or extend",
                                   tensor.name, to_string(tensor.shape), to_string(base_.tensors[found->b].shape)));
  }

  void values() {
    const auto& all = fitness_.overall;
    if (all.sums.nonfinite != 0) {
      warn(Verdict::doubtful,
           fmt::format("{} not finite in the model or the base: a merge refuses them", plural(all.sums.nonfinite, "element")));
    }
    if (all.overflows()) {
      warn(Verdict::doubtful, "squares of values exceed a float64: what is told of norms, cosine and noise lacks them");
    }
    const auto cosine = fitness_.matrices.cosine();
    if (cosine && *cosine < k_unrelated_cosine) {
      warn(Verdict::unfit,
           fmt::format(
               "probably the wrong base: the cosine of the weight matrices with the base's is {:.3f}, below {}; a model trained from "
               "its base is near 1, unrelated ones are near 0",
               *cosine, k_unrelated_cosine));
      return;
    }
    unrelated_tensors();
    size(all.mean_size());
    if (all.share(all.sums.zero) > k_still_share) {
      warn(Verdict::fit,
           fmt::format("{} of the elements equal the base's: frozen tensors, an adapter, or steps below the type's resolution; "
                       "a drop rate counts them too, so that fewer of the others remain",
                       percent(all.share(all.sums.zero))));
    }
    if (all.sums.lost != 0) {
      warn(Verdict::fit,
           fmt::format("{} of the elements differ from the base's by less than the output type shows", percent(all.share(all.sums.lost))));
    }
  }

  // A new output head beside a model that is otherwise the base's.
  void unrelated_tensors() {
    std::vector<std::uint32_t> found;
    for (std::size_t p = 0; p < fitness_.tensors.size(); ++p) {
      const auto norm = fitness_.tensors[p].relative_norm();
      // A bias may have been all but zero in the base.
      if (norm && *norm >= 1 && is_matrix(base_.tensors[pairing_.pairs[p].b].shape)) found.push_back(pairing_.pairs[p].a);
    }
    if (found.empty()) return;
    warn(Verdict::doubtful,
         fmt::format("{}: the delta's norm is the base's or more; a part that was trained anew? Exclude it from the merge",
                     first_of(found, model_)));
  }

  void size(double mean) {
    if (mean >= k_pretraining_size) {
      warn(Verdict::unfit,
           fmt::format("mean |delta| is {}, not below {}: continued pre-training rather than fine-tuning; DARE fails around 0.03 and above",
                       figure(mean), k_pretraining_size));
    } else if (mean >= k_large_size) {
      warn(Verdict::doubtful,
           fmt::format("mean |delta| is {}, above the {} that supervised fine-tuning hardly exceeds: drop less, and evaluate", figure(mean),
                       k_large_size));
    }
  }

  void advise() {
    if (result_.verdict == Verdict::unfit) {
      result_.advice = "do not merge it with DARE from this base";
      return;
    }
    const auto mean = fitness_.overall.mean_size();
    result_.drop_rate = mean >= k_large_size ? 0.5 : 0.9;
    if (model_.delta) {
      advise_on_delta(model_.delta->mask.drop_rate);
    } else if (mean >= k_coarse_size) {
      result_.advice = "begin with a drop rate of 0.5 or less";
    } else if (mean >= k_large_size) {
      result_.advice = "begin with a drop rate of 0.5; compare with 0.7 and 0.9 in a sweep";
    } else if (mean >= k_usual_size) {
      result_.advice = "begin with a drop rate of 0.9; compare with 0.5 and 0.7 in a sweep";
    } else {
      result_.advice = "begin with a drop rate of 0.9; large models with so small deltas may bear 0.95 to 0.99: try a sweep";
    }
  }

  // It has no elements for a rate below its own.
  void advise_on_delta(double own) {
    const auto suited = *result_.drop_rate;
    result_.drop_rate = std::max(suited, own);
    if (own < suited) {
      result_.advice = fmt::format("begin with a drop rate of {}; its own, {}, is the lowest that it can be merged at", suited, own);
    } else {
      result_.advice = fmt::format("begin with a drop rate of {}, its own: it has no elements for a lower one{}", own,
                                   own == suited ? "" : fmt::format(", though its deltas suggest {}", suited));
    }
  }

  const Fitness& fitness_;
  const Pairing& pairing_;
  const checkpoint::Header& model_;
  const checkpoint::Header& base_;
  Assessment result_;
};

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  return verdict == Verdict::fit ? "fit" : verdict == Verdict::doubtful ? "doubtful" : "unfit";
}

Assessment assess(const Fitness& fitness, const Pairing& pairing, const std::optional<std::string>& quantised,
                  const checkpoint::Header& model, const checkpoint::Header& base) {
  return Assessor{fitness, pairing, model, base}.run(quantised);
}

}  // namespace dare::compare
