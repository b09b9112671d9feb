#include "replication/wal2json_value.h"

#include <fmt/format.h>

#include <string>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

using model::Column;
using model::Result;
using model::RowBuilder;
using model::Value;
namespace type_oid = model::type_oid;

bool IsSentAsNumber(model::Oid type) {
  using namespace type_oid;
  return type == kInt2 || type == kInt4 || type == kInt8 || type == kOid || type == kFloat4 ||
         type == kFloat8 || type == kNumeric;
}

Result<void> DoesNotFit(const Column& column, const Wal2jsonColumn& sent, const char* kind) {
  return model::Fail(
      model::ErrorKind::kMisfit,
      fmt::format("column {} ({}): the stream sends a {} with type OID {}; the column changed "
                  "since the listener attached, attach again",
                  column.name, column.type_name, kind, sent.type_oid));
}

}  // namespace

Result<void> AppendWal2jsonValue(const Column& column, const Wal2jsonColumn& sent,
                                 RowBuilder& row) {
  switch (sent.kind) {
    case Wal2jsonKind::kNull:
      row.Add(Value(model::Null{}));
      return {};
    case Wal2jsonKind::kBool:
      if (column.type != type_oid::kBool) return DoesNotFit(column, sent, "bool");
      row.Add(Value(sent.text == "true"));
      return {};
    case Wal2jsonKind::kNumber:
      if (!IsSentAsNumber(column.type)) return DoesNotFit(column, sent, "number");
      return model::AppendFromText(column, sent.text, row);
    case Wal2jsonKind::kString:
      break;
  }
  // A domain's values come with the \x.
  const bool is_bytea = sent.type_oid == 0 ? column.type == type_oid::kBytea && !column.is_domain
                                           : sent.type_oid == type_oid::kBytea.value;
  if (!is_bytea) return model::AppendFromText(column, sent.text, row);
  return model::AppendFromText(column, fmt::format("\\x{}", sent.text), row);
}

}  // namespace lockstep::replication
