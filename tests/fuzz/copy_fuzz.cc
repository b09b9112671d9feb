// The rows of COPY: each line, taken for a row of a captured table, is a typed error that names the
// table or a row of its columns, all of them values, whose text form means the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/relation.h"
#include "model/row.h"
#include "model/text_form.h"
#include "model/value.h"
#include "postgres/copy_row.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/replication/captured_stream.h"

namespace lockstep::fuzz {
namespace {

using model::Row;
using postgres::RowForm;

void CheckRow(const model::Relation& relation, const Row& row) {
  Require(Row::FromCanonical(std::string(row.bytes()), relation.columns.size()).has_value(),
          "a row is the canonical bytes of its table's columns");
  model::RowBuilder again;
  std::size_t i = 0;
  for (const model::Cell cell : row) {
    const model::Column& column = relation.columns[i++];
    (void)model::Describe(column.type, cell);
    const auto* value = std::get_if<model::Value>(&cell);
    Require(value != nullptr, "a row of a table is complete");
    if (std::holds_alternative<model::Null>(*value)) {
      again.Add(*value);
      continue;
    }
    std::string text;
    model::AppendText(column.type, *value, text);
    Require(model::AppendFromText(column, text, again).has_value(), "a text form can be read");
  }
  Require(again.Build() == row, "a text form means what it was made of");
}

void ReadLine(const model::Relation& relation, RowForm form, const std::vector<char>& line) {
  postgres::CopyRowParser parser(relation, form);
  const auto row = parser.Parse({line.data(), line.size()});
  if (row) {
    CheckRow(relation, row->row);
  } else {
    Require(row.error().message.starts_with("table " + relation.QualifiedName()),
            "an error names the table");
  }
}

// As a row of each table that is about values, and of one with xmin behind its columns.
void ReadLine(const std::vector<char>& line) {
  static const auto* tables = [] {
    auto* named = new std::vector<model::RelationPtr>();
    for (const char* name : {"numbers", "texts", "times", "others", "composed", "nested"})
      named->push_back(replication::CapturedRelation(name));
    return named;
  }();
  static const auto* with_xmin = new model::RelationPtr(replication::CapturedRelation("toasted"));
  for (const model::RelationPtr& table : *tables) ReadLine(*table, RowForm::kComplete, line);
  ReadLine(**with_xmin, RowForm::kWithXmin, line);
}

}  // namespace
}  // namespace lockstep::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lockstep::fuzz::FuzzInput input(data, size);
  while (const auto line = input.NextMessage()) lockstep::fuzz::ReadLine(*line);
  return 0;
}
