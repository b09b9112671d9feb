#include "generator/user_types.h"

#include <fmt/format.h>

#include <string>

#include "model/relation.h"

namespace lockstep::generator {
namespace {

constexpr std::string_view kLabels[] = {"happy",
                                        "so so",
                                        "say \"hi\"",
                                        "it's",
                                        "a,b",
                                        "back\\slash",
                                        "NULL",
                                        "null",
                                        "{}",
                                        "(x)",
                                        "tab\there",
                                        "gl\u00fccklich",
                                        "\u60b2\u3057\u3044",
                                        "\U0001f600",
                                        ""};

}  // namespace

std::span<const std::string_view> MoodLabels() { return kLabels; }

std::vector<model::UserType> MakeUserTypes() {
  std::string labels;
  for (std::string_view label : kLabels) {
    labels += (labels.empty() ? "" : ", ") + model::SqlLiteral(std::string(label));
  }
  return {
      {"mood", "TYPE {} AS ENUM (" + labels + ")"},
      {"price", fmt::format("DOMAIN {{}} AS numeric({},{}) CHECK (VALUE >= 0)", kPricePrecision,
                            kPriceScale)},
      {"quantity", "DOMAIN {} AS integer CHECK (VALUE >= 0)"},
      {"Code",
       fmt::format("DOMAIN {{}} AS text CHECK (char_length(VALUE) <= {})", kCodeCharacters)},
      {"Place of birth",
       "TYPE {} AS (id integer, \"full name\" text, mood mood, amount numeric, born date)"},
  };
}

}  // namespace lockstep::generator
