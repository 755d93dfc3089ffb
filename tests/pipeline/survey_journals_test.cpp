#include "pipeline/survey_journals.hpp"

#include <gtest/gtest.h>

namespace dare::pipeline {
namespace {

merge::TensorStatistics statistics(std::size_t models, std::size_t coefficients) {
  merge::TensorStatistics all;
  for (std::size_t k = 0; k < models; ++k) all.models.push_back({{k + 1, 2 * k}, {k + 3, 5 * k}, 1.0 / static_cast<double>(k + 1)});
  all.selected = {77, 8};
  for (std::size_t c = 0; c < coefficients; ++c) all.coefficients.push_back(1.0 / static_cast<double>(c + 3));
  return all;
}

TEST(SurveyRecord, GivesBackWhatWasPutIn) {
  for (const std::size_t models : {0U, 1U, 16U}) {
    for (const std::size_t coefficients : {0U, 3U, 16U}) {
      const auto all = statistics(models, coefficients);
      ASSERT_TRUE(SurveyRecord::fits(all));
      EXPECT_EQ(SurveyRecord{all}.statistics(), all);
    }
  }
  EXPECT_FALSE(SurveyRecord::fits(statistics(17, 0)));
  EXPECT_FALSE(SurveyRecord::fits(statistics(2, 17)));
}

TEST(SurveyRecord, IsNothingWhereAnyByteIsAnother) {
  EXPECT_FALSE(SurveyRecord{}.statistics());  // a place that was never written
  SurveyRecord record{statistics(2, 1)};
  const auto bytes = std::as_writable_bytes(std::span{&record, 1});
  for (auto& byte : bytes) {
    byte ^= std::byte{1};
    EXPECT_FALSE(record.statistics());
    byte ^= std::byte{1};
  }
  EXPECT_TRUE(record.statistics());
}

}  // namespace
}  // namespace dare::pipeline
