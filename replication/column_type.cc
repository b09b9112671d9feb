#include "replication/column_type.h"

#include <fmt/format.h>

#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

// FirstUnpinnedObjectId: below it OIDs are fixed by the server's source.
constexpr std::int64_t kFirstUnpinned = 12'000;

}  // namespace

model::Result<void> CheckColumnType(const model::Column& column, std::int64_t sent) {
  if (sent == column.type.value || (column.is_domain && sent >= kFirstUnpinned)) return {};
  return model::Fail(
      model::ErrorKind::kMisfit,
      fmt::format("column {} is sent with type OID {}, known as {} (OID {}); the table changed "
                  "since the listener attached, attach again",
                  column.name, sent, column.type_name, column.type.value));
}

bool MayLieOutOfLine(model::Oid type) {
  using namespace model::type_oid;
  for (const model::Oid fixed :
       {kBool, kChar, kName, kInt8, kInt2, kInt4, kOid, kFloat4, kFloat8, kMoney, kDate, kTime,
        kTimestamp, kTimestamptz, kInterval, kTimetz, kUuid, kPoint}) {
    if (type == fixed) return false;
  }
  return true;
}

}  // namespace lockstep::replication
