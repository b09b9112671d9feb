// The rows that COPY sent of a real server's tables are those that the plugins show of them.
#include "postgres/copy_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/text_form.h"
#include "model/type_oid.h"
#include "model/value.h"
#include "tests/replication/captured_rows.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/row_literals.h"

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using model::Result;
using model::Row;
using replication::CapturedCopyRows;
using replication::CapturedRelation;
using replication::CapturedRows;
using replication::Int;
using replication::RowOf;
using replication::Txt;
using testing::AllOf;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr const char* kScripts[] = {"decoderbufs.sql", "wal2json.sql", "pgoutput.sql"};

std::set<std::string> CapturedTables() {
  std::set<std::string> names;
  for (const char* script : kScripts) {
    for (const std::string& name : replication::TablesWithCapturedRows(script)) names.insert(name);
  }
  return names;
}

std::vector<Row> InsertedRows(const std::string& table) {
  std::vector<Row> rows;
  for (const char* script : kScripts) {
    for (const Row& row : CapturedRows(table, script)) rows.push_back(row);
  }
  return rows;
}

// A row has its table's columns, all of them values, whose text form means the same again.
void ExpectARowOf(const model::Relation& relation, const Row& row) {
  ASSERT_TRUE(row.IsComplete());
  ASSERT_TRUE(Row::FromCanonical(std::string(row.bytes()), relation.columns.size()).has_value());
  model::RowBuilder again;
  std::size_t i = 0;
  for (const model::Cell cell : row) {
    const model::Column& column = relation.columns[i++];
    const auto& value = std::get<model::Value>(cell);
    if (std::holds_alternative<model::Null>(value)) {
      again.Add(value);
      continue;
    }
    std::string text;
    model::AppendText(column.type, value, text);
    ASSERT_TRUE(model::AppendFromText(column, text, again).has_value()) << text;
  }
  ASSERT_EQ(again.Build(), row);
}

// How many of some lines were rows, and how many were refused.
struct Outcomes {
  std::size_t rows = 0;
  std::size_t errors = 0;
};

// A parser of the table and a captured line of it, for each line of each table.
template <typename Use>
void ForEachLine(const Use& use) {
  for (const std::string& table : CapturedTables()) {
    const auto relation = CapturedRelation(table);
    CopyRowParser parser(*relation, RowForm::kComplete);
    for (const std::string& line : CapturedCopyRows(table)) {
      use(*relation, parser, line);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// `line` is a row of the table or a typed error that names the table.
void ExpectARowOrAnError(const model::Relation& relation, CopyRowParser& parser,
                         std::string_view line, Outcomes& outcomes) {
  Result<TableRow> row = parser.Parse(line);
  ++(row ? outcomes.rows : outcomes.errors);
  if (row) {
    ExpectARowOf(relation, row->row);
  } else {
    ASSERT_EQ(row.error().kind, ErrorKind::kMalformed);
    ASSERT_THAT(row.error().message, HasSubstr(relation.QualifiedName()));
  }
}

TEST(CopyRow, RowsAreThoseThatThePluginsShow) {
  ASSERT_EQ(CapturedTables().size(), 14u);
  for (const std::string& table : CapturedTables()) {
    const auto relation = CapturedRelation(table);
    CopyRowParser parser(*relation, RowForm::kComplete);
    std::vector<Row> rows;
    for (const std::string& line : CapturedCopyRows(table)) {
      Result<TableRow> row = parser.Parse(line);
      ASSERT_TRUE(row.has_value()) << row.error().message;
      EXPECT_EQ(row->xmin.value, 0u);
      rows.push_back(row->row);
    }
    EXPECT_THAT(rows, ElementsAreArray(InsertedRows(table))) << table;
  }
}

TEST(CopyRow, TheCommandNamesTheColumnsAndQuotesThem) {
  const auto odd = CapturedRelation("Odd \"T.q\"");
  for (const RowForm form : {RowForm::kStored, RowForm::kComplete}) {
    EXPECT_EQ(CopyCommand(*odd, form),
              "COPY \"captured\".\"Odd \"\"T.q\"\"\" (\"Order\", \"a.b \"\"c\"\"\", \"select\", "
              "\"größe\") "
              "TO STDOUT");
    EXPECT_EQ(CopyCommand({"s", "t", {}, {}, {}}, form), "COPY \"s\".\"t\" TO STDOUT");
  }
  EXPECT_EQ(CopyCommand(*CapturedRelation("saved"), RowForm::kWithXmin),
            "COPY (SELECT \"id\", xmin FROM ONLY \"captured\".\"saved\") TO STDOUT");
  EXPECT_EQ(CopyCommand(*CapturedRelation("saved"), RowForm::kWithXmin, "s.p"),
            "COPY (SELECT \"id\", xmin FROM ONLY s.p) TO STDOUT");
  EXPECT_EQ(CopyCommand({"s", "t", {}, {}, {}}, RowForm::kWithXmin),
            "COPY (SELECT xmin FROM ONLY \"s\".\"t\") TO STDOUT");
}

TEST(CopyRow, GeneratedColumnsAreReadByAQueryOrNotAtAll) {
  const model::Relation relation{
      .schema = "s",
      .name = "t",
      .columns = {{"a", model::type_oid::kInt4, "integer"},
                  {"g", model::type_oid::kInt4, "integer", false, "(a + 1)"},
                  {"z", model::type_oid::kText, "text"}}};
  EXPECT_EQ(CopyCommand(relation, RowForm::kComplete),
            "COPY (SELECT \"a\", \"g\", \"z\" FROM ONLY \"s\".\"t\") TO STDOUT");
  EXPECT_EQ(CopyCommand(relation, RowForm::kStored), "COPY \"s\".\"t\" (\"a\", \"z\") TO STDOUT");
  CopyRowParser parser(relation, RowForm::kStored);
  EXPECT_EQ(parser.Parse("1\t\\N\n")->row,
            RowOf({Int(1), model::Cell(model::NotSent{}), model::Value(model::Null{})}));
  EXPECT_FALSE(parser.Parse("1\t2\t3\n").has_value());
}

TEST(CopyRow, XminComesBehindTheColumns) {
  const auto relation = CapturedRelation("nothing");
  CopyRowParser parser(*relation, RowForm::kWithXmin);
  Result<TableRow> row = parser.Parse("1\tn\t4294967295\n");
  ASSERT_TRUE(row.has_value()) << row.error().message;
  EXPECT_EQ(row->row, RowOf({Int(1), Txt("n")}));
  EXPECT_EQ(row->xmin.value, 4294967295u);
  for (const char* line :
       {"1\tn\n", "1\tn\t\\N\n", "1\tn\t\n", "1\tn\t7x\n", "1\tn\t-1\n", "1\tn\t4294967296\n"}) {
    row = parser.Parse(line);
    ASSERT_FALSE(row.has_value()) << line;
    EXPECT_EQ(row.error().kind, ErrorKind::kMalformed);
    EXPECT_THAT(row.error().message, HasSubstr("captured.nothing"));
  }
}

TEST(CopyRow, AnErrorNamesTableAndColumn) {
  const auto relation = CapturedRelation("nothing");
  CopyRowParser parser(*relation, RowForm::kComplete);
  Result<TableRow> row = parser.Parse("one\tn\n");
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().kind, ErrorKind::kMalformed);
  EXPECT_THAT(row.error().message, HasSubstr("table captured.nothing, column id: "));
  row = parser.Parse("1\n");
  ASSERT_FALSE(row.has_value());
  EXPECT_THAT(row.error().message, AllOf(HasSubstr("captured.nothing"), HasSubstr("offset 2")));
}

// A line ends with its only line feed: what is cut off is seen, wherever it is.
TEST(CopyRow, NoPrefixIsARow) {
  ForEachLine([](const model::Relation& relation, CopyRowParser& parser, const std::string& line) {
    for (std::size_t size = 0; size < line.size(); ++size) {
      // A buffer of exactly this size, so that asan sees a read past it.
      const std::vector<char> prefix(line.data(), line.data() + size);
      Result<TableRow> row = parser.Parse({prefix.data(), prefix.size()});
      ASSERT_FALSE(row.has_value()) << relation.name << ", " << size << " bytes";
      EXPECT_EQ(row.error().kind, ErrorKind::kMalformed);
    }
  });
}

// Cut, and yet ended by a line feed.
TEST(CopyRow, APrefixThatIsEndedIsARowOfTheTableOrRefused) {
  Outcomes outcomes;
  ForEachLine([&](const auto& relation, CopyRowParser& parser, const std::string& line) {
    for (std::size_t size = 0; size < line.size() - 1; ++size)
      ExpectARowOrAnError(relation, parser, line.substr(0, size) + "\n", outcomes);
  });
  EXPECT_GT(outcomes.rows, 100u);
  EXPECT_GT(outcomes.errors, 1000u);
}

// Every byte changed to every other; of the long lines, which are long by a text, every 16th.
TEST(CopyRow, ACorruptByteMakesARowOfTheTableOrIsRefused) {
  Outcomes outcomes;
  ForEachLine([&](const auto& relation, CopyRowParser& parser, const std::string& line) {
    std::vector<char> corrupt(line.begin(), line.end());
    for (std::size_t at = 0; at<line.size(); at += line.size()> 1000 ? 16 : 1) {
      for (int byte = 0; byte < 256; ++byte) {
        corrupt[at] = static_cast<char>(byte);
        ExpectARowOrAnError(relation, parser, {corrupt.data(), corrupt.size()}, outcomes);
      }
      corrupt[at] = line[at];
    }
  });
  EXPECT_GT(outcomes.rows, 10'000u);
  EXPECT_GT(outcomes.errors, 10'000u);
}

}  // namespace
}  // namespace lockstep::postgres
