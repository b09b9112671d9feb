#include "tests/tidy/sql_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lockstep::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "function f", in the order of their kinds, of a file with this literal.
std::vector<std::string> Found(const std::string& sql) {
  std::vector<std::string> found;
  for (const UnqualifiedName& name : FindUnqualifiedNames("auto sql = R\"(" + sql + ")\";"))
    found.push_back(name.what + " " + name.name);
  return found;
}

TEST(LiteralsOfTest, NeighboursAreOneAndWhatIsNoStringIsPassedOver) {
  EXPECT_THAT(
      LiteralsOf("f(\"a \"\n  \"b\", \"c\\\"d\"); // \"e\"\n/* \"f\" */ '\"', R\"x(g)\"h)x\""),
      ElementsAre(Literal{1, "a b"}, Literal{2, "c\\\"d"}, Literal{3, "g)\"h"}));
}

TEST(FindUnqualifiedNamesTest, EachKindIsFound) {
  EXPECT_THAT(Found("SELECT now()"), ElementsAre("function now"));
  EXPECT_THAT(Found("SELECT COUNT(*) FROM pg_catalog.pg_class"), ElementsAre("function COUNT"));
  EXPECT_THAT(Found("SELECT 1 FROM pg_class c LEFT JOIN pg_namespace n ON true"),
              ElementsAre("table pg_class", "table pg_namespace"));
  EXPECT_THAT(Found("INSERT INTO log VALUES (1)"), ElementsAre("table log"));
  EXPECT_THAT(Found("UPDATE t SET a = 1"), ElementsAre("table t"));
  EXPECT_THAT(Found("SELECT 'x'::regclass"), ElementsAre("type regclass"));
  EXPECT_THAT(Found("SELECT 0 FROM generate_series(1, 2)"),
              ElementsAre("function generate_series"));
  EXPECT_THAT(Found(" RETURNING pg_current_xact_id()"), ElementsAre("function pg_current_xact_id"));
  const auto found = FindUnqualifiedNames("a(\"x\");\nb(R\"(\nSELECT\n  now())\");");
  EXPECT_THAT(found, ElementsAre(UnqualifiedName{4, "now", "function"}));
}

TEST(FindUnqualifiedNamesTest, WhatIsQualifiedOrOfTheGrammarIsRight) {
  EXPECT_THAT(Found("SELECT pg_catalog.now()::pg_catalog.text, coalesce(a, 1)::bigint "
                    "FROM pg_catalog.pg_class c, LATERAL {2}.f(1) WHERE a IS DISTINCT FROM b "
                    "AND extract(epoch FROM c) > 1 AND x IN (1) AND substring(a FROM '^x') = ''"),
              IsEmpty());
  EXPECT_THAT(Found("WITH RECURSIVE d(oid, a) AS (SELECT 1), e AS MATERIALIZED (SELECT 2) "
                    "SELECT * FROM d JOIN e ON true JOIN tree ON true CROSS JOIN LATERAL "
                    "(SELECT 1) f(x), pg_catalog.unnest(a) WITH ORDINALITY k(b, c)"),
              IsEmpty());
  EXPECT_THAT(Found("COPY {} TO STDOUT"), IsEmpty());
}

TEST(FindUnqualifiedNamesTest, WhatIsNoSqlIsNotRead) {
  EXPECT_THAT(FindUnqualifiedNames("// SELECT now()\nfmt::format(\"see f(x) of the update\")"),
              IsEmpty());
  EXPECT_THAT(Found("UPDATE and DELETE are not sent, an UPDATE leaves it alone"), IsEmpty());
}

}  // namespace
}  // namespace lockstep::tidy
