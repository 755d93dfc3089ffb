#pragma once
/// What must hold between a recipe's method and its parameters, whatever the checkpoints.

#include "recipe/draft.hpp"

#include <dare/merge/method.hpp>

#include <vector>

namespace dare::recipe {

class Check {
 public:
  /// @param skipped  entries of models that will be left out.
  Check(const Draft& draft, const merge::Method& method, const std::vector<bool>& skipped, Problems& problems)
      : draft_{draft}, recipe_{draft.recipe}, method_{method}, skipped_{skipped}, problems_{problems} {}
  void run() const;

 private:
  void parameters_taken() const;
  void rates() const;
  void rates_of_no_sparsifier(const Parameters& parameters, const std::string& prefix) const;
  void auxiliaries() const;
  void patterns() const;
  void policies() const;
  void tensor_order() const;
  void mergelm() const;
  void refuse(const std::string& key, const std::string& text) const;

  const Draft& draft_;
  const Recipe& recipe_;
  const merge::Method& method_;
  const std::vector<bool>& skipped_;
  Problems& problems_;
};

}  // namespace dare::recipe
