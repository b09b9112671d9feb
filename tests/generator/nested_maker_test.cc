#include "generator/nested_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace lockstep::generator {
namespace {

std::string ArrayElement(std::string_view element) {
  std::string out;
  AppendArrayElement(element, out);
  return out;
}

std::string Field(std::string_view field) {
  std::string out;
  AppendField(field, out);
  return out;
}

std::set<std::string> Draw(void (*append)(Random&, std::string&)) {
  Random random(3);
  std::set<std::string> texts;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    append(random, text);
    texts.insert(std::move(text));
  }
  return texts;
}

bool AnyContains(const std::set<std::string>& texts, std::string_view part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return text.contains(part); });
}

// As array_out: array_isspace, braces, the delimiter, quotes, backslashes, NULL in any case.
TEST(NestedMakerTest, ArrayElementsAreQuotedWhereTheyHaveToBe) {
  EXPECT_EQ(ArrayElement("a.b(c)"), "a.b(c)");
  EXPECT_EQ(ArrayElement("gl\u00fcck"), "gl\u00fcck");
  EXPECT_EQ(ArrayElement("nulls"), "nulls");
  EXPECT_EQ(ArrayElement(""), "\"\"");
  EXPECT_EQ(ArrayElement("nUlL"), "\"nUlL\"");
  for (const char* special : {"a b", "a\tb", "\v", "{", "}", "a,b"}) {
    EXPECT_EQ(ArrayElement(special), "\"" + std::string(special) + "\"");
  }
  EXPECT_EQ(ArrayElement("a\"\\b"), R"("a\"\\b")");
}

// As record_out: quotes and backslashes are doubled, NULL is a word like others.
TEST(NestedMakerTest, FieldsAreQuotedWhereTheyHaveToBe) {
  EXPECT_EQ(Field("null"), "null");
  EXPECT_EQ(Field("{a}"), "{a}");
  EXPECT_EQ(Field(""), "\"\"");
  for (const char* special : {"a b", "\f", "(", ")", "a,b"}) {
    EXPECT_EQ(Field(special), "\"" + std::string(special) + "\"");
  }
  EXPECT_EQ(Field("a\"\\b"), R"("a""\\b")");
}

TEST(NestedMakerTest, ArraysHaveAllShapes) {
  std::set<std::string> arrays = Draw([](Random& random, std::string& out) {
    AppendArray(
        random, [](Random& r, std::string& text) { text += r.Percent(50) ? "x" : "y"; }, out);
  });
  for (const char* shape : {"{}", "{x}", "{NULL}", "{x,NULL,y}", "{{x},{y}}", "{{x,NULL},{y,y}}",
                            "[-2:-1]={x,y}", "[0:0]={x}"}) {
    EXPECT_TRUE(arrays.contains(shape)) << shape;
  }
  EXPECT_FALSE(AnyContains(arrays, "[1:"));  // the usual lower bound is not printed
}

TEST(NestedMakerTest, DiscreteRangesAreCanonical) {
  for (auto append : {AppendInt4Range, AppendDateRange}) {
    std::set<std::string> ranges = Draw(append);
    EXPECT_TRUE(ranges.contains("empty") && ranges.contains("(,)"));
    for (const std::string& range : ranges) {
      if (range == "empty") continue;
      EXPECT_EQ(range[0], range[1] == ',' ? '(' : '[') << range;
      EXPECT_EQ(range.back(), ')') << range;
    }
  }
  EXPECT_TRUE(AnyContains(Draw(AppendDateRange), "infinity)"));
}

TEST(NestedMakerTest, ContinuousRangesKeepTheirBounds) {
  for (auto append : {AppendNumRange, AppendTstzRange}) {
    std::set<std::string> ranges = Draw(append);
    std::set<std::string> ends;
    for (const std::string& range : ranges) {
      if (range != "empty") ends.insert({range[0], range.back()});
    }
    EXPECT_EQ(ends, (std::set<std::string>{"()", "(]", "[)", "[]"}));
    EXPECT_TRUE(ranges.contains("empty") && ranges.contains("(,)"));
    EXPECT_FALSE(AnyContains(ranges, "[,") || AnyContains(ranges, ",]"));
  }
  EXPECT_TRUE(AnyContains(Draw(AppendTstzRange), "[\"0001-"));
  EXPECT_FALSE(AnyContains(Draw(AppendNumRange), "-0,"));
}

TEST(NestedMakerTest, PlacesHaveFiveFieldsSomeOfThemNull) {
  std::set<std::string> places = Draw(AppendPlace);
  EXPECT_TRUE(AnyContains(places, ",,"));
  EXPECT_TRUE(AnyContains(places, "\"\"\""));  // a quote
  EXPECT_TRUE(AnyContains(places, "\\\\"));
  for (const std::string& place : places) {
    EXPECT_EQ(place.front(), '(');
    EXPECT_EQ(place.back(), ')');
    int commas = 0;
    bool quoted = false;
    for (char c : place) {
      if (c == '"') quoted = !quoted;
      commas += c == ',' && !quoted;
    }
    EXPECT_EQ(commas, 4) << place;
  }
}

}  // namespace
}  // namespace lockstep::generator
