#include "replication/sql_name.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::replication {
namespace {

using model::ErrorKind;

TEST(SqlNameTest, BareAndQuotedIdentifiersAreRead) {
  EXPECT_EQ(ParseIdentifier("id"), "id");
  EXPECT_EQ(ParseIdentifier("größe"), "größe");
  EXPECT_EQ(ParseIdentifier("a$1_b"), "a$1_b");
  EXPECT_EQ(ParseIdentifier("\"Order\""), "Order");
  EXPECT_EQ(ParseIdentifier("\"a.b\""), "a.b");
  EXPECT_EQ(ParseIdentifier("\" \""), " ");
}

TEST(SqlNameTest, DoubledQuotesAreOne) {
  EXPECT_EQ(ParseIdentifier("\"a\"\"b\""), "a\"b");
  EXPECT_EQ(ParseIdentifier("\"\"\"\""), "\"");
  EXPECT_EQ(ParseIdentifier("\"\"\"x\"\"\""), "\"x\"");
}

TEST(SqlNameTest, WhatIsNotOneIdentifierIsMalformed) {
  for (const char* sql : {"", "\"", "\"\"", "\"a", "a\"", "\"a\"b", "\"a\"\"", "a.b", ".", "a\"b\"",
                          "\"a\".\"b\"", "\"\"\""}) {
    auto name = ParseIdentifier(sql);
    ASSERT_FALSE(name.has_value()) << sql << " read as " << *name;
    EXPECT_EQ(name.error().kind, ErrorKind::kMalformed);
  }
}

TEST(SqlNameTest, QualifiedNamesAreReadWithQuotesOnEitherPart) {
  using Name = QualifiedName;
  EXPECT_EQ(ParseQualifiedName("public.t"), (Name{"public", "t"}));
  EXPECT_EQ(ParseQualifiedName("public.\"T q\""), (Name{"public", "T q"}));
  EXPECT_EQ(ParseQualifiedName("\"a.b\".\"c.d\""), (Name{"a.b", "c.d"}));
  EXPECT_EQ(ParseQualifiedName("\"a\"\"\".t"), (Name{"a\"", "t"}));
  EXPECT_EQ(ParseQualifiedName("\"\"\"a.\"\"\".\"\"\"\""), (Name{"\"a.\"", "\""}));
}

TEST(SqlNameTest, WhatIsNotTwoIdentifiersIsMalformed) {
  for (const char* sql : {"", "t", ".", "a.", ".b", "a..b", "a.b.c", "\"a.b\"", "\"a\"b.c", "a.\"b",
                          "a.\"b\"c", "\"a\"\".b", "\"\".t", "a.\"\""}) {
    auto name = ParseQualifiedName(sql);
    ASSERT_FALSE(name.has_value()) << sql;
    EXPECT_EQ(name.error().kind, ErrorKind::kMalformed);
  }
}

}  // namespace
}  // namespace lockstep::replication
