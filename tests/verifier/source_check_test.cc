#include "verifier/source_check.h"

#include <poll.h>

#include <stdexcept>

#include "tests/verifier/source_fixture.h"

namespace lockstep::verifier {
namespace {

using postgres::Must;

class SourceCheckTest : public SourceFixture {
 protected:
  SourceCheck Begin() { return Must(SourceCheck::Begin(cluster().uri(), catalog_)); }
  SourceCheck Finish(SourceCheck check) {
    while (true) {
      Must(check.Compare(*oracle_));
      if (check.done()) return check;
      pollfd item{check.fd(), static_cast<short>(check.WantsWrite() ? POLLIN | POLLOUT : POLLIN),
                  0};
      if (poll(&item, 1, 60'000) != 1) throw std::runtime_error("no rows come");
    }
  }
  SourceCheck Check() { return Finish(Begin()); }
  // The only difference.
  SourceDifference TheDifference() {
    const SourceCheck check = Check();
    if (check.differences().size() != 1) throw std::runtime_error("not one difference");
    EXPECT_NE(check.digest(), oracle_->expected().digest());
    return check.differences()[0];
  }
  void CommitTwoRows() {
    first_ = Commit({Insert(1), Insert(2, "x", "y")},
                    "INSERT INTO s.items VALUES (1, 'a', 'b'), (2, 'x', 'y')");
  }

  Ran first_;
};

TEST_F(SourceCheckTest, EqualTablesHaveTheExpectedDigest) {
  EXPECT_EQ(Check().digest(), oracle_->expected().digest());  // an empty table, and a full one
  CommitTwoRows();
  Commit({SetA(1, "new"), Delete(2)},
         "UPDATE s.items SET a = 'new' WHERE id = 1; DELETE FROM s.items WHERE id = 2");
  const SourceCheck check = Check();
  EXPECT_TRUE(check.differences().empty());
  EXPECT_EQ(check.rows_compared(), 4u);
  EXPECT_EQ(check.digest(), oracle_->expected().digest());
}

TEST_F(SourceCheckTest, AChangedRowIsFoundWithBothSidesAndWriters) {
  CommitTwoRows();
  Execute("UPDATE s.items SET b = 'behind' WHERE id = 2");
  const SourceDifference found = TheDifference();
  EXPECT_EQ(found.table, kItems);
  EXPECT_EQ(found.key, ItemKey(2));
  EXPECT_EQ(found.expected, Item(2, "x", "y"));
  EXPECT_EQ(found.source, Item(2, "x", "behind"));
  EXPECT_EQ(found.expected_written_by, first_.record.xid);
  EXPECT_GT(found.written_by, first_.record.xid);
}

TEST_F(SourceCheckTest, AnExtraRowIsFound) {
  CommitTwoRows();
  Execute("INSERT INTO s.items VALUES (3, NULL, '')");
  const SourceDifference found = TheDifference();
  EXPECT_EQ(found.key, ItemKey(3));
  EXPECT_EQ(found.expected, std::nullopt);
  ASSERT_TRUE(found.source.has_value());
  EXPECT_EQ(found.expected_written_by, model::Xid{});
}

TEST_F(SourceCheckTest, AMissingRowIsFoundInAnyTable) {
  CommitTwoRows();
  Execute("DELETE FROM s.session WHERE session = 3");  // the first table is read twice then
  const SourceDifference found = TheDifference();
  EXPECT_EQ(found.table, model::kSessionTable);
  EXPECT_EQ(found.key, SessionKey(3));
  EXPECT_EQ(found.source, std::nullopt);
  EXPECT_EQ(found.written_by, model::Xid{});
}

TEST_F(SourceCheckTest, ARowWithEqualValuesAndAnotherWriterIsFound) {
  CommitTwoRows();
  Execute("UPDATE s.items SET a = a WHERE id = 1");
  const SourceCheck check = Check();
  ASSERT_EQ(check.differences().size(), 1u);
  const SourceDifference& found = check.differences()[0];
  EXPECT_EQ(found.expected, found.source);
  EXPECT_NE(found.written_by, found.expected_written_by);
  EXPECT_EQ(check.digest(), oracle_->expected().digest());
}

TEST_F(SourceCheckTest, DifferencesOfSeveralTablesAreFound) {
  CommitTwoRows();
  Execute("UPDATE s.session SET transaction_id = 77 WHERE session = 2; DELETE FROM s.items");
  EXPECT_EQ(Check().differences().size(), 3u);
}

TEST_F(SourceCheckTest, NotMoreThanTheMostAreCollected) {
  Execute("INSERT INTO s.items SELECT i, 'a', 'b' FROM generate_series(1, 1000) i");
  const SourceCheck check = Check();
  EXPECT_EQ(check.differences().size(), SourceCheck::kMaxDifferences);
  EXPECT_EQ(check.rows_compared(), 1003u);
}

TEST_F(SourceCheckTest, TheSnapshotIsThatOfTheBeginning) {
  CommitTwoRows();
  SourceCheck check = Begin();
  Execute("DELETE FROM s.items");
  check = Finish(std::move(check));
  EXPECT_TRUE(check.differences().empty());
}

// TRUNCATE empties a table for older snapshots too, unless it has to wait.
TEST_F(SourceCheckTest, ATruncateWaitsUntilTheCheckIsGone) {
  CommitTwoRows();
  {
    SourceCheck check = Begin();
    auto refused = Sql().Execute("SET lock_timeout = '100ms'; TRUNCATE s.items");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().sqlstate, "55P03");
    check = Finish(std::move(check));
    EXPECT_TRUE(check.differences().empty());
  }
  Execute("TRUNCATE s.items");
}

}  // namespace
}  // namespace lockstep::verifier
