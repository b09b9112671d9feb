#include "verifier/divergence_report.h"

#include <gmock/gmock.h>

#include "tests/verifier/source_fixture.h"

namespace lockstep::verifier {
namespace {

using model::NamedTexts;
using postgres::Must;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

NamedTexts TextsOfItem(const char* id, const char* a, const char* b) {
  return {{"id", id}, {"a", a}, {"b", b}};
}

class DivergenceReportTest : public SourceFixture {
 protected:
  static Finding FindingAt(const Ran& ran) {
    return {.commit = ran.script.id,
            .xid = ran.record.xid,
            .end_lsn = ran.record.end_lsn,
            .rows_differ = true};
  }
  model::FirstDivergence Describe(const Ran& ran, std::vector<wire::RowsReply::Item> rows,
                                  bool with_source = true) {
    auto source = Sql();
    return Must(DescribeDivergence("l1", FindingAt(ran), {ran.record.end_lsn, std::move(rows)},
                                   *oracle_, catalog_, model::Projection({}),
                                   with_source ? &source : nullptr));
  }
};

TEST_F(DivergenceReportTest, AsksForTheRowsOfTheCommitAndTheOneThatDidNotFit) {
  Commit({Insert(1)}, "INSERT INTO s.items VALUES (1, 'a', 'b')");
  const Ran second = Commit({Insert(2), Delete(1)},
                            "INSERT INTO s.items VALUES (2, 'a', 'b'); DELETE FROM s.items "
                            "WHERE id = 1");
  Finding finding = FindingAt(second);
  EXPECT_THAT(
      RowsToAsk(finding, *oracle_, catalog_),
      ElementsAre(wire::RowAddress{"session", SessionKey(1)}, wire::RowAddress{"items", ItemKey(2)},
                  wire::RowAddress{"items", ItemKey(1)}));
  finding.end_lsn = {1};  // a commit that Postgres does not have
  EXPECT_THAT(RowsToAsk(finding, *oracle_, catalog_), IsEmpty());
  finding.misfit = wire::Misfit{.table = "items", .key = ItemKey(9)};
  EXPECT_THAT(RowsToAsk(finding, *oracle_, catalog_),
              ElementsAre(wire::RowAddress{"items", ItemKey(9)}));
}

TEST_F(DivergenceReportTest, ShowsTheRowsThatDifferOnThreeSides) {
  const Ran ran =
      Commit({Insert(1), Insert(2)}, "INSERT INTO s.items VALUES (1, 'a', 'b'), (2, 'a', 'b')");
  const auto found = Describe(ran, {{{"items", ItemKey(1)}, Item(1, "a", "b")},
                                    {{"items", ItemKey(2)}, Item(2, "a", "wrong")}});
  EXPECT_EQ(found.listener, "l1");
  EXPECT_EQ(found.commit, ran.script.id);
  EXPECT_EQ(found.xid, ran.record.xid);
  EXPECT_EQ(found.end_lsn, ran.record.end_lsn);
  EXPECT_EQ(found.table, "items");
  EXPECT_THAT(found.rows,
              ElementsAre(model::RowDifference{.key = {{"id", "2"}},
                                               .expected = TextsOfItem("2", "a", "b"),
                                               .source = TextsOfItem("2", "a", "b"),
                                               .replicated = TextsOfItem("2", "a", "wrong")}));
}

TEST_F(DivergenceReportTest, ARowThatTheRunWroteAgainIsShownAsItWas) {
  const Ran first = Commit({Insert(1)}, "INSERT INTO s.items VALUES (1, 'a', 'b')");
  Commit({SetA(1, "later")}, "UPDATE s.items SET a = 'later' WHERE id = 1");
  const auto found = Describe(first, {{{"items", ItemKey(1)}, std::nullopt}});
  ASSERT_EQ(found.rows.size(), 1u);
  EXPECT_EQ(found.rows[0].expected, TextsOfItem("1", "a", "b"));
  EXPECT_EQ(found.rows[0].source, TextsOfItem("1", "a", "b"));
  EXPECT_EQ(found.rows[0].replicated, std::nullopt);
}

TEST_F(DivergenceReportTest, ARowThatPostgresHasOtherwiseIsShownAsItIs) {
  const Ran ran = Commit({Insert(1)}, "INSERT INTO s.items VALUES (1, 'a', 'b')");
  Execute("UPDATE s.items SET b = 'behind' WHERE id = 1");
  const auto found = Describe(ran, {{{"items", ItemKey(1)}, Item(1, "a", "behind")}});
  ASSERT_EQ(found.rows.size(), 1u);
  EXPECT_EQ(found.rows[0].source, TextsOfItem("1", "a", "behind"));
  EXPECT_EQ(Describe(ran, {{{"items", ItemKey(1)}, std::nullopt}}, false).rows[0].source,
            std::nullopt);
}

TEST_F(DivergenceReportTest, TheSessionTableIsShownOnlyWhenNoOtherDiffers) {
  const Ran ran = Commit({Insert(1)}, "INSERT INTO s.items VALUES (1, 'a', 'b')");
  const wire::RowsReply::Item session{{"session", SessionKey(1)}, std::nullopt};
  EXPECT_EQ(Describe(ran, {session}).table, "session");
  const auto both = Describe(ran, {session, {{"items", ItemKey(1)}, std::nullopt}});
  EXPECT_EQ(both.table, "items");
  EXPECT_EQ(both.rows.size(), 1u);
}

TEST_F(DivergenceReportTest, WhatAListenerMadeUpIsLeftOut) {
  const Ran ran = Commit({Insert(1)}, "INSERT INTO s.items VALUES (1, 'a', 'b')");
  const auto found = Describe(ran, {{{"no such table", ItemKey(1)}, std::nullopt},
                                    {{"items", model::Row()}, std::nullopt},
                                    {{"items", Item(1, "a", "b")}, std::nullopt}});
  EXPECT_EQ(found.table, "");
  EXPECT_THAT(found.rows, IsEmpty());
}

}  // namespace
}  // namespace lockstep::verifier
