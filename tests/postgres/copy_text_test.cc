#include "postgres/copy_text.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::postgres {
namespace {

using namespace std::string_view_literals;
using Fields = std::vector<std::optional<std::string>>;

model::Result<Fields> Parse(std::size_t columns, std::string_view row) {
  CopyTextParser parser(columns);
  auto fields = parser.Parse(row);
  if (!fields) return std::unexpected(fields.error());
  Fields out;
  for (const auto& field : *fields) {
    out.push_back(field ? std::optional(std::string(*field)) : std::nullopt);
  }
  return out;
}

TEST(CopyText, PlainNullAndEmptyFieldsAreToldApart) {
  EXPECT_EQ(Parse(4, "1\t\\N\t\tx y\n").value(), (Fields{"1", std::nullopt, "", "x y"}));
  EXPECT_EQ(Parse(1, "\n").value(), Fields{""});
  EXPECT_EQ(Parse(1, "\\N\n").value(), Fields{std::nullopt});
  EXPECT_EQ(Parse(0, "\n").value(), Fields{});
}

TEST(CopyText, EscapesAreUndone) {
  EXPECT_EQ(Parse(3, "a\\tb\\\\N\t\\b\\f\\n\\r\\t\\v\\\\\t\\\\N\n").value(),
            (Fields{"a\tb\\N", "\b\f\n\r\t\v\\", "\\N"}));
}

TEST(CopyText, ParserIsReusable) {
  CopyTextParser parser(2);
  ASSERT_TRUE(parser.Parse("a\\n\tb\n").has_value());
  auto fields = parser.Parse("c\td\\\\\n");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ((*fields)[0], "c");
  EXPECT_EQ((*fields)[1], "d\\");
}

TEST(CopyText, EveryCutIsMalformed) {
  constexpr std::string_view kRow = "ab\\tc\t\\N\tend\\\\\n";
  ASSERT_TRUE(Parse(3, kRow).has_value());
  for (std::size_t size = 0; size < kRow.size(); ++size) {
    model::Result<Fields> fields = Parse(3, kRow.substr(0, size));
    ASSERT_FALSE(fields.has_value()) << size;
    EXPECT_EQ(fields.error().kind, model::ErrorKind::kMalformed);
  }
  // Cut, and yet ended by a line feed.
  for (std::string_view row : {"ab\\\n"sv, "ab\\tc\t\\\n"sv, "ab\t\\N\n"sv}) {
    EXPECT_FALSE(Parse(3, row).has_value()) << row;
  }
}

TEST(CopyText, WhatTheServerDoesNotWriteIsMalformed) {
  for (std::string_view row :
       {"\\x41\n"sv, "\\101\n"sv, "\\.\n"sv, "\\N \n"sv, "x\\N\n"sv, "a\rb\n"sv, "a\nb\n"sv,
        "a\0b\n"sv, "\\t\v\n"sv, "a\tb\n"sv, "a\n\n"sv, "\\\t\n"sv}) {
    model::Result<Fields> fields = Parse(1, row);
    ASSERT_FALSE(fields.has_value()) << row;
    EXPECT_NE(fields.error().message.find("offset"), std::string::npos);
  }
  EXPECT_FALSE(Parse(0, "x\n").has_value());
  EXPECT_FALSE(Parse(2, "x\n").has_value());
}

// Any single byte changed: parsed or refused, never read out of bounds (run under ASan).
TEST(CopyText, CorruptBytesDoNoHarm) {
  const std::string row = "ab\\tc\t\\N\tend\\\\\n";
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string corrupt = row;
      corrupt[i] = static_cast<char>(byte);
      model::Result<Fields> fields = Parse(3, corrupt);
      EXPECT_TRUE(!fields || fields->size() == 3);
    }
  }
}

}  // namespace
}  // namespace lockstep::postgres
