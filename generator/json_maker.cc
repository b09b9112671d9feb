#include "generator/json_maker.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "generator/number_maker.h"
#include "generator/text_maker.h"

namespace lockstep::generator {
namespace {

constexpr int kMaxDepth = 3;

constexpr std::string_view kKeys[] = {
    "a",    "b",      "c",      "id",     "ok",          "aa",         "ab", "Z",       "name",
    "tags", "price",  "nested", "count",  "description", "",           " ",  "with \"", "\\",
    "\n",   "\u00e9", "$ref",   "\u4ef7", "0",           "\U0001f511", "10"};

constexpr std::string_view kEdgeNumbers[] = {"0",
                                             "1",
                                             "-1",
                                             "1.50",
                                             "0.00",
                                             "-0.5",
                                             "9007199254740993",
                                             "-9223372036854775808",
                                             "18446744073709551616",
                                             "0.1000000000000000055511151231257827",
                                             "100000000000000000000000000000000000000000"};

void AppendAny(Random& random, int depth, std::string& out);

void AppendScalar(Random& random, std::string& out) {
  switch (random.Below(6)) {
    case 0:
      out += random.Percent(50) ? "true" : "false";
      return;
    case 1:
      out += "null";
      return;
    case 2:
      out += random.Pick(kEdgeNumbers);
      return;
    case 3: {
      // One draw a statement: compilers differ in the order in which they evaluate arguments.
      std::uint64_t integer_digits = 1 + random.Below(9);
      AppendDecimal(random, integer_digits, random.Below(4), out);
      return;
    }
    default: {
      std::string text;
      AppendText(random, text);
      AppendJsonString(text, out);
    }
  }
}

void AppendArray(Random& random, int depth, std::string& out) {
  out += '[';
  for (std::uint64_t i = 0, size = random.Below(4); i < size; ++i) {
    if (i > 0) out += ", ";
    AppendAny(random, depth + 1, out);
  }
  out += ']';
}

void AppendObject(Random& random, int depth, std::string& out) {
  std::vector<std::string_view> keys;
  for (std::uint64_t size = random.Below(5); size > 0; --size) keys.push_back(random.Pick(kKeys));
  std::ranges::sort(keys, [](std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  out += '{';
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) out += ", ";
    AppendJsonString(keys[i], out);
    out += ": ";
    AppendAny(random, depth + 1, out);
  }
  out += '}';
}

void AppendAny(Random& random, int depth, std::string& out) {
  std::uint64_t draw = depth >= kMaxDepth ? 0 : random.Below(10);
  if (draw < 7) {
    AppendScalar(random, out);
  } else if (draw == 7) {
    AppendArray(random, depth, out);
  } else {
    AppendObject(random, depth, out);
  }
}

}  // namespace

void AppendJson(Random& random, std::string& out) {
  std::uint64_t draw = random.Below(20);
  if (draw < 17) {
    AppendObject(random, 0, out);
  } else if (draw < 19) {
    AppendArray(random, 0, out);
  } else {
    AppendScalar(random, out);
  }
}

void AppendJsonString(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ') {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

}  // namespace lockstep::generator
