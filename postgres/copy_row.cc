#include "postgres/copy_row.h"

#include <fmt/format.h>

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

std::string CopyCommand(const Relation& relation, Xmin xmin) {
  std::string columns;
  for (const model::Column& column : relation.columns) {
    columns += (columns.empty() ? "" : ", ") + model::SqlIdentifier(column.name);
  }
  if (xmin == Xmin::kRead) columns += columns.empty() ? "xmin" : ", xmin";
  return fmt::format("COPY (SELECT {} FROM {}{}.{}) TO STDOUT", columns,
                     relation.is_partitioned ? "" : "ONLY ", model::SqlIdentifier(relation.schema),
                     model::SqlIdentifier(relation.name));
}

CopyRowParser::CopyRowParser(const Relation& relation, Xmin xmin)
    : relation_(&relation),
      xmin_(xmin),
      fields_(relation.columns.size() + (xmin == Xmin::kRead ? 1 : 0)) {}

Result<TableRow> CopyRowParser::Parse(std::string_view line) {
  auto fields = fields_.Parse(line);
  if (!fields) return Fail("table " + relation_->QualifiedName(), fields.error());
  builder_.Clear();
  for (std::size_t i = 0; i < relation_->columns.size(); ++i) {
    const std::optional<std::string_view>& field = (*fields)[i];
    if (!field) {
      builder_.Add(model::Value(model::Null{}));
    } else if (Result<void> added = model::AppendFromText(relation_->columns[i], *field, builder_);
               !added) {
      return Fail(fmt::format("table {}, column {}", relation_->QualifiedName(),
                              relation_->columns[i].name),
                  added.error());
    }
  }
  TableRow row;
  row.row = builder_.Build();
  if (xmin_ == Xmin::kRead) {
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
