#include "report/shown_text.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::report {
namespace {

TEST(ShownTextTest, WhatIsUtf8StaysAsItIs) {
  for (const std::string text : {"", "plain", "größe", "日本", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                                 "\xf4\x8f\xbf\xbf", "a\nb"})
    EXPECT_EQ(Utf8(text), text);
}

TEST(ShownTextTest, EachByteThatIsNotIsEscaped) {
  EXPECT_EQ(Utf8("gr\xf6\xdf"
                 "e"),
            "gr\\xf6\\xdfe");
  EXPECT_EQ(Utf8("\xe6\x97"), "\\xe6\\x97");  // ends too early
  EXPECT_EQ(Utf8("\xe6\x97x"), "\\xe6\\x97x");
  EXPECT_EQ(Utf8("\xc3"), "\\xc3");
  EXPECT_EQ(Utf8("\x80ä"), "\\x80ä");         // begins in the middle
  EXPECT_EQ(Utf8("\xc0\x80"), "\\xc0\\x80");  // longer than it needs to be
  EXPECT_EQ(Utf8("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf");
  EXPECT_EQ(Utf8("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf");
  EXPECT_EQ(Utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Utf8("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Utf8("\xff\xfe"), "\\xff\\xfe");
}

TEST(ShownTextTest, OneLineHasNoControlCharacters) {
  EXPECT_EQ(OneLine("a\tb\nc\x7f ä\xff"), "a\\x09b\\x0ac\\x7f ä\\xff");
}

TEST(ShownTextTest, WhatATerminalWouldObeyIsEscaped) {
  EXPECT_EQ(OneLine("x\nVerdict: CONVERGED"), "x\\x0aVerdict: CONVERGED");
  EXPECT_EQ(OneLine("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(OneLine("\xc2\x9b"), "\\xc2\\x9b");         // CSI in one character
  EXPECT_EQ(OneLine("a\u202eb"), "a\\xe2\\x80\\xaeb");  // right-to-left override
  EXPECT_EQ(OneLine("\u2066\u2028"), "\\xe2\\x81\\xa6\\xe2\\x80\\xa8");
  EXPECT_EQ(OneLine("gr\u00fc\u00df \u65e5\u2019\u00a0"), "gr\u00fc\u00df \u65e5\u2019\u00a0");
}

TEST(ShownTextTest, NoFurtherLineOfAMessageBeginsWhereOursDo) {
  EXPECT_EQ(Paragraph("cannot be used\n  version: 9\nVerdict: CONVERGED (exit 0)\n"),
            "cannot be used\n  version: 9\n  Verdict: CONVERGED (exit 0)");
  EXPECT_EQ(Paragraph("a\r\nb"), "a\\x0d\n  b");
  EXPECT_EQ(Paragraph(""), "");
}

}  // namespace
}  // namespace lockstep::report
