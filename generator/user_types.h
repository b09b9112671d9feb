// The types that every run makes in its schema, named as format_type() prints them there.
#ifndef LOCKSTEP_GENERATOR_USER_TYPES_H_
#define LOCKSTEP_GENERATOR_USER_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/catalog.h"

namespace lockstep::generator {

// An enum whose labels are what text forms of arrays and composites have to quote.
inline constexpr std::string_view kMood = "mood";
inline constexpr std::string_view kMoodArray = "mood[]";
std::span<const std::string_view> MoodLabels();

// Domains: over numeric(12,2) and int4, neither below zero, and over text of at most
// kCodeCharacters.
inline constexpr std::string_view kPrice = "price";
inline constexpr std::string_view kQuantity = "quantity";
inline constexpr std::string_view kCode = "\"Code\"";
inline constexpr std::size_t kCodeCharacters = 24;
inline constexpr std::uint32_t kPricePrecision = 12;
inline constexpr std::uint32_t kPriceScale = 2;

inline bool IsDomain(std::string_view type_name) {
  return type_name == kPrice || type_name == kQuantity || type_name == kCode;
}

// (integer, text, mood, numeric, date).
inline constexpr std::string_view kPlace = "\"Place of birth\"";

// In the order in which they can be made.
std::vector<model::UserType> MakeUserTypes();

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_USER_TYPES_H_
