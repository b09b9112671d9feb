#include "model/database.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

RelationPtr Table(const std::string& schema, const std::string& name) {
  return std::make_shared<const Relation>(
      Relation{.schema = schema,
               .name = name,
               .columns = {{"id", type_oid::kInt8, "bigint", true}, {"t", type_oid::kText, "text"}},
               .key = {0}});
}

Row Key(std::int64_t id) { return MakeRow({id}); }
Row RowOf(std::int64_t id, std::string_view text) { return MakeRow({id, Text{text}}); }

// Tables a and b of a schema; rows written by id and text.
class Fixture {
 public:
  explicit Fixture(const std::string& schema = "s")
      : database({Table(schema, "a"), Table(schema, "b")}) {}

  Fixture& Put(std::uint32_t table, std::int64_t id, std::string_view text) {
    images.push_back(database.Write(table, Key(id), RowOf(id, text)));
    return *this;
  }
  Fixture& Erase(std::uint32_t table, std::int64_t id) {
    images.push_back(database.Write(table, Key(id), std::nullopt));
    return *this;
  }

  Database database;
  std::vector<RowImage> images;
};

constexpr std::uint32_t kA = 0;
constexpr std::uint32_t kB = 1;

TEST(DatabaseTest, FindsTablesBySchemaAndName) {
  Database database({Table("s", "a"), Table("r", "a")});
  EXPECT_EQ(database.FindTable("r", "a"), 1u);
  EXPECT_EQ(database.FindTable("s", "b"), std::nullopt);
  EXPECT_EQ(database.AddTable(Table("s", "b")), 2u);
  EXPECT_EQ(database.FindTable("s", "b"), 2u);
  EXPECT_EQ(database.FindTable("r", "b"), std::nullopt);
  EXPECT_EQ(database.FindTable("a"), 0u);
  EXPECT_EQ(database.FindTable("r"), std::nullopt);
}

TEST(DatabaseTest, HoldsTheLastRowWritten) {
  Fixture f;
  f.Put(kA, 1, "x").Put(kA, 1, "y").Put(kB, 1, "z");
  EXPECT_EQ(*f.database.table(kA).Find(Key(1)), RowOf(1, "y"));
  EXPECT_EQ(f.database.row_count(), 2u);
  f.Erase(kA, 1);
  EXPECT_EQ(f.database.table(kA).Find(Key(1)), nullptr);
  EXPECT_EQ(f.database.row_count(), 1u);
}

TEST(DatabaseTest, ImagesSayBeforeAndAfter) {
  Fixture f;
  f.Put(kA, 1, "x").Put(kA, 1, "y").Erase(kA, 1).Erase(kA, 1);
  const std::vector<RowImage> expected = {
      {kA, Key(1), std::nullopt, RowOf(1, "x")},
      {kA, Key(1), RowOf(1, "x"), RowOf(1, "y")},
      {kA, Key(1), RowOf(1, "y"), std::nullopt},
      {kA, Key(1), std::nullopt, std::nullopt},
  };
  EXPECT_EQ(f.images, expected);
}

TEST(DatabaseTest, DigestDoesNotDependOnTheWayThere) {
  Fixture direct;
  direct.Put(kA, 1, "x").Put(kA, 2, "y").Put(kB, 3, "z");
  Fixture detour;
  detour.Put(kB, 3, "old")
      .Put(kA, 2, "y")
      .Put(kA, 9, "gone")
      .Put(kB, 3, "z")
      .Erase(kA, 9)
      .Put(kA, 1, "x");
  EXPECT_EQ(direct.database.digest(), detour.database.digest());
}

TEST(DatabaseTest, DigestDoesNotDependOnSchemaOrOrderOfTables) {
  Fixture f;
  f.Put(kA, 1, "x");
  Database other({Table("lockstep_7", "b"), Table("lockstep_7", "a")});
  other.Write(1, Key(1), RowOf(1, "x"));
  EXPECT_EQ(f.database.digest(), other.digest());
}

TEST(DatabaseTest, DigestTellsTablesRowsAndEmptyTablesApart) {
  const Digest empty = Fixture().database.digest();
  const Digest in_a = Fixture().Put(kA, 1, "x").database.digest();
  const Digest in_b = Fixture().Put(kB, 1, "x").database.digest();
  const Digest other_text = Fixture().Put(kA, 1, "y").database.digest();
  EXPECT_NE(empty, in_a);
  EXPECT_NE(in_a, in_b);
  EXPECT_NE(in_a, other_text);
  EXPECT_NE(empty, Database().digest());
}

TEST(DatabaseTest, UndoGivesStateAndDigestBefore) {
  Fixture f;
  f.Put(kA, 1, "x").Put(kB, 1, "y");
  const Digest before = f.database.digest();
  f.images.clear();
  f.Put(kA, 1, "new").Erase(kA, 1).Put(kA, 1, "again").Put(kA, 2, "z").Erase(kB, 1).Erase(kB, 5);
  EXPECT_NE(f.database.digest(), before);
  f.database.Undo(f.images);
  EXPECT_EQ(f.database.digest(), before);
  EXPECT_EQ(*f.database.table(kA).Find(Key(1)), RowOf(1, "x"));
  EXPECT_EQ(f.database.table(kA).Find(Key(2)), nullptr);
  EXPECT_EQ(f.database.row_count(), 2u);
}

TEST(DatabaseTest, ManyRowsKeepTheirDigest) {
  Fixture f;
  const Digest empty = f.database.digest();
  for (std::int64_t id = 0; id < 5000; ++id) f.Put(kA, id, "x");
  EXPECT_EQ(f.database.table(kA).rows().size(), 5000u);
  for (std::int64_t id = 4999; id >= 0; --id) f.Erase(kA, id);
  EXPECT_EQ(f.database.digest(), empty);
}

// ---- tables without a key ----

class MultisetTest : public testing::Test {
 protected:
  void Insert(const Row& row) {
    images_.push_back(database_.Write(0, database_.table(0).KeyToInsert(row), row));
  }
  // The last copy, as a replica does.
  void Erase(const Row& row) {
    const std::uint64_t copies = Count(row);
    images_.push_back(database_.Write(0, Table::CopyKey(row, copies - 1), std::nullopt));
  }
  std::uint64_t Count(const Row& row) const { return database_.table(0).CountCopies(row); }

  Database database_{{std::make_shared<const Relation>(
      Relation{.schema = "s",
               .name = "log",
               .columns = {{"id", type_oid::kInt8, "bigint"}, {"t", type_oid::kText, "text"}}})}};
  std::vector<RowImage> images_;
};

TEST_F(MultisetTest, EqualRowsAreCounted) {
  for (std::uint64_t copies = 1; copies <= 70; ++copies) {
    Insert(RowOf(1, "x"));
    EXPECT_EQ(Count(RowOf(1, "x")), copies);
  }
  Insert(RowOf(2, "x"));
  EXPECT_EQ(Count(RowOf(2, "x")), 1u);
  EXPECT_EQ(Count(RowOf(3, "x")), 0u);
  for (std::uint64_t copies = 70; copies-- > 0;) {
    Erase(RowOf(1, "x"));
    EXPECT_EQ(Count(RowOf(1, "x")), copies);
  }
  EXPECT_EQ(database_.row_count(), 1u);
}

TEST_F(MultisetTest, TheDigestCountsCopiesAndKnowsNoOrder) {
  TableDigest digest;
  for (const char* text : {"x", "y", "x"}) digest.Add(RowOf(1, text).bytes());
  for (const char* text : {"x", "x", "y"}) Insert(RowOf(1, text));
  EXPECT_EQ(database_.table(0).digest(), digest);
  Erase(RowOf(1, "x"));
  digest.Remove(RowOf(1, "x").bytes());
  EXPECT_EQ(database_.table(0).digest(), digest);
}

TEST_F(MultisetTest, UndoneWritesLeaveTheCopiesThatWereThere) {
  Insert(RowOf(1, "x"));
  Insert(RowOf(1, "x"));
  const Digest before = database_.digest();
  images_.clear();
  Erase(RowOf(1, "x"));
  Insert(RowOf(1, "y"));
  Insert(RowOf(1, "x"));
  Insert(RowOf(1, "x"));
  for (RowImage& image : database_.EraseAll(0)) images_.push_back(std::move(image));
  Insert(RowOf(1, "x"));
  database_.Undo(images_);
  EXPECT_EQ(database_.digest(), before);
  EXPECT_EQ(Count(RowOf(1, "x")), 2u);
  EXPECT_EQ(Count(RowOf(1, "y")), 0u);
}

TEST(DatabaseTest, RowsWithoutColumnsAreCountedToo) {
  Database database({std::make_shared<const Relation>(Relation{.schema = "s", .name = "void"})});
  for (int i = 0; i < 3; ++i) database.Write(0, database.table(0).KeyToInsert(Row()), Row());
  EXPECT_EQ(database.table(0).CountCopies(Row()), 3u);
  EXPECT_EQ(database.row_count(), 3u);
}

TEST(DatabaseTest, ATableMovesWithItsRowsAndItsDigest) {
  Fixture from;
  from.Put(kA, 1, "x").Put(kA, 2, "y").Put(kB, 1, "z");
  const TableDigest digest = from.database.table(kA).digest();
  Database to({Table("s", "b"), Table("s", "a")});
  to.PutTable(1, from.database.TakeTable(kA));
  EXPECT_EQ(to.table(1).digest(), digest);
  EXPECT_EQ(*to.table(1).Find(Key(2)), RowOf(2, "y"));
  EXPECT_EQ(from.database.table(kA).digest(), TableDigest());
  EXPECT_EQ(from.database.table(kA).relation()->name, "a");
  EXPECT_EQ(from.database.row_count(), 1u);
}

}  // namespace
}  // namespace lockstep::model
