#include "postgres/copy_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>

#include "model/text_form.h"
#include "model/value.h"

namespace lockstep::postgres {

using model::ErrorKind;
using model::Fail;
using model::Relation;
using model::Result;

namespace {

bool IsRead(const model::Column& column, RowForm form) {
  return form != RowForm::kStored || column.generated.empty();
}

std::size_t CountFields(const Relation& relation, RowForm form) {
  const auto columns = std::ranges::count_if(
      relation.columns, [&](const model::Column& column) { return IsRead(column, form); });
  return static_cast<std::size_t>(columns) + (form == RowForm::kWithXmin ? 1 : 0);
}

}  // namespace

std::string CopyCommand(const Relation& relation, RowForm form, const std::string& table) {
  bool by_query = form == RowForm::kWithXmin;
  std::string columns;
  for (const model::Column& column : relation.columns) {
    if (!IsRead(column, form)) continue;
    by_query = by_query || !column.generated.empty();
    columns += (columns.empty() ? "" : ", ") + model::SqlIdentifier(column.name);
  }
  if (form == RowForm::kWithXmin) columns += columns.empty() ? "xmin" : ", xmin";
  const std::string from = table.empty() ? model::SqlIdentifier(relation.schema) + "." +
                                               model::SqlIdentifier(relation.name)
                                         : table;
  if (by_query) return fmt::format("COPY (SELECT {} FROM ONLY {}) TO STDOUT", columns, from);
  if (columns.empty()) return fmt::format("COPY {} TO STDOUT", from);
  return fmt::format("COPY {} ({}) TO STDOUT", from, columns);
}

CopyRowParser::CopyRowParser(const Relation& relation, RowForm form)
    : relation_(&relation), form_(form), fields_(CountFields(relation, form)) {}

Result<TableRow> CopyRowParser::Parse(std::string_view line) {
  auto fields = fields_.Parse(line);
  if (!fields) return Fail("table " + relation_->QualifiedName(), fields.error());
  builder_.Clear();
  auto field = fields->begin();
  for (const model::Column& column : relation_->columns) {
    if (!IsRead(column, form_)) {
      builder_.Add(model::Cell(model::NotSent{}));
      continue;
    }
    if (!*field) {
      builder_.Add(model::Value(model::Null{}));
    } else if (Result<void> added = model::AppendFromText(column, **field, builder_); !added) {
      return Fail(fmt::format("table {}, column {}", relation_->QualifiedName(), column.name),
                  added.error());
    }
    ++field;
  }
  TableRow row;
  row.row = builder_.Build();
  if (form_ == RowForm::kWithXmin) {
    std::string_view text = fields->back().value_or(std::string_view());
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), row.xmin.value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Fail(ErrorKind::kMalformed, fmt::format("table {}: xmin {:?} is not a number",
                                                     relation_->QualifiedName(), text));
    }
  }
  return row;
}

}  // namespace lockstep::postgres
