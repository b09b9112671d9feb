#include "generator/nested_maker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <utility>

#include "generator/number_maker.h"
#include "generator/temporal_maker.h"
#include "generator/text_maker.h"
#include "generator/user_types.h"
#include "model/text_form.h"
#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::generator {
namespace {

// isspace() in the C locale.
constexpr std::string_view kBlanks = " \t\n\v\f\r";

bool HasAnyOf(std::string_view text, std::string_view characters) {
  return text.find_first_of(characters) != std::string_view::npos;
}

bool IsNullWord(std::string_view text) {
  return text.size() == 4 && std::ranges::equal(text, std::string_view("null"), {}, [](char c) {
           return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
         });
}

// The elements of one row of an array, `{` and `}` around them.
void AppendElements(Random& random, std::uint64_t count, const ElementMaker& element,
                    std::string& out) {
  std::string text;
  out += '{';
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    if (random.OneIn(7)) {
      out += "NULL";
      continue;
    }
    text.clear();
    element(random, text);
    AppendArrayElement(text, out);
  }
  out += '}';
}

enum class Bound { kNone, kIn, kOut };

Bound PickBound(Random& random) {
  if (random.OneIn(8)) return Bound::kNone;
  return random.Percent(50) ? Bound::kIn : Bound::kOut;
}

// A range that is not empty. The texts need no quotes but for blanks.
void AppendRange(Bound lower_bound, std::string_view lower, Bound upper_bound,
                 std::string_view upper, std::string& out) {
  auto append = [&](std::string_view text) {
    const char* quote = HasAnyOf(text, kBlanks) ? "\"" : "";
    ((out += quote) += text) += quote;
  };
  out += lower_bound == Bound::kIn ? '[' : '(';
  if (lower_bound != Bound::kNone) append(lower);
  out += ',';
  if (upper_bound != Bound::kNone) append(upper);
  out += upper_bound == Bound::kIn ? ']' : ')';
}

// Without bounds of their own nothing else can be canonical for a discrete range.
Bound Canonical(Bound bound, Bound canonical) {
  return bound == Bound::kNone ? Bound::kNone : canonical;
}

}  // namespace

void AppendArrayElement(std::string_view element, std::string& out) {
  if (!element.empty() && !IsNullWord(element) && !HasAnyOf(element, "{},\"\\") &&
      !HasAnyOf(element, kBlanks)) {
    out += element;
    return;
  }
  out += '"';
  for (char c : element) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void AppendArray(Random& random, const ElementMaker& element, std::string& out) {
  switch (random.Below(8)) {
    case 0:
      out += "{}";
      return;
    case 1: {
      std::uint64_t rows = 1 + random.Below(3);
      std::uint64_t columns = 1 + random.Below(3);
      out += '{';
      for (std::uint64_t row = 0; row < rows; ++row) {
        if (row > 0) out += ',';
        AppendElements(random, columns, element, out);
      }
      out += '}';
      return;
    }
    case 2: {
      std::uint64_t count = 1 + random.Below(3);
      std::int64_t first = random.Between(-2, 2);
      if (first != 1) {
        fmt::format_to(std::back_inserter(out), "[{}:{}]=", first,
                       first + static_cast<std::int64_t>(count) - 1);
      }
      AppendElements(random, count, element, out);
      return;
    }
    default:
      AppendElements(random, 1 + random.Below(4), element, out);
  }
}

void AppendInt4Range(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += "empty";
    return;
  }
  std::int64_t lower = random.Between(-1000, 1000);
  std::int64_t upper = lower + random.Between(1, 500);
  if (random.OneIn(8)) lower = std::numeric_limits<std::int32_t>::min();
  if (random.OneIn(8)) upper = std::numeric_limits<std::int32_t>::max();
  Bound lower_bound = Canonical(PickBound(random), Bound::kIn);
  Bound upper_bound = Canonical(PickBound(random), Bound::kOut);
  AppendRange(lower_bound, fmt::to_string(lower), upper_bound, fmt::to_string(upper), out);
}

void AppendDateRange(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += "empty";
    return;
  }
  auto text = [](std::int64_t days) {
    std::string date;
    model::AppendText(model::type_oid::kDate, model::Date{static_cast<std::int32_t>(days)}, date);
    return date;
  };
  std::int64_t lower = random.Between(-15000, 15000);
  std::int64_t upper = lower + random.Between(1, 1000);
  // Infinity is a date, and no bound.
  if (random.OneIn(8)) upper = model::Date::kInfinity;
  if (random.OneIn(8)) lower = -730'120;  // 0001-12-31 BC
  Bound lower_bound = Canonical(PickBound(random), Bound::kIn);
  Bound upper_bound = Canonical(PickBound(random), Bound::kOut);
  AppendRange(lower_bound, text(lower), upper_bound, text(upper), out);
}

void AppendNumRange(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += "empty";
    return;
  }
  auto text = [](std::int64_t hundredths, std::uint64_t scale) {
    // Cut to a whole number it may be zero, which has no sign.
    const bool minus = hundredths < 0 && (scale > 0 || hundredths <= -100);
    std::string number = fmt::format("{}{}", minus ? "-" : "", std::abs(hundredths) / 100);
    if (scale > 0) {
      fmt::format_to(std::back_inserter(number), ".{:02}", std::abs(hundredths) % 100);
      number.append(scale, '0');
    }
    return number;
  };
  std::int64_t lower = random.Between(-100'000, 100'000);
  std::int64_t upper = lower + 100 + random.Between(0, 50'000);
  std::uint64_t lower_scale = random.Below(3);
  std::uint64_t upper_scale = random.Below(3);
  if (random.OneIn(10))
    return AppendRange(Bound::kIn, text(lower, lower_scale), Bound::kIn, text(lower, lower_scale),
                       out);
  Bound lower_bound = PickBound(random);
  Bound upper_bound = PickBound(random);
  AppendRange(lower_bound, text(lower, lower_scale), upper_bound, text(upper, upper_scale), out);
}

void AppendTstzRange(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += "empty";
    return;
  }
  auto text = [](std::int64_t micros) {
    std::string timestamp;
    model::AppendText(model::type_oid::kTimestamptz, model::Timestamp{micros}, timestamp);
    return timestamp;
  };
  std::int64_t lower = random.Between(-1'000'000'000, 1'000'000'000) * 1'000'000;
  std::int64_t upper = lower + random.Between(1, 10 * kMicrosPerDay);
  if (random.OneIn(10)) upper = model::Timestamp::kInfinity;
  if (random.OneIn(10)) lower = -730'120 * kMicrosPerDay;
  Bound lower_bound = PickBound(random);
  Bound upper_bound = PickBound(random);
  AppendRange(lower_bound, text(lower), upper_bound, text(upper), out);
}

void AppendField(std::string_view field, std::string& out) {
  if (!field.empty() && !HasAnyOf(field, "\"\\(),") && !HasAnyOf(field, kBlanks)) {
    out += field;
    return;
  }
  out += '"';
  for (char c : field) {
    if (c == '"' || c == '\\') out += c;
    out += c;
  }
  out += '"';
}

void AppendPlace(Random& random, std::string& out) {
  static const std::array<ElementMaker, 5> kFields = {
      [](Random& r, std::string& text) { text += fmt::to_string(MakeInteger(r, 32)); },
      [](Random& r, std::string& text) { AppendText(r, text); },
      [](Random& r, std::string& text) { text += r.Pick(MoodLabels()); },
      [](Random& r, std::string& text) { AppendNumeric(r, text); },
      [](Random& r, std::string& text) {
        model::AppendText(model::type_oid::kDate, MakeDate(r), text);
      }};
  std::string text;
  out += '(';
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (i > 0) out += ',';
    if (random.OneIn(6)) continue;  // null
    text.clear();
    kFields[i](random, text);
    AppendField(text, out);
  }
  out += ')';
}

}  // namespace lockstep::generator
