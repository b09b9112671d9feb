#include "model/catalog.h"

#include "model/type_oid.h"

namespace lockstep::model {

RelationPtr MakeSessionRelation(const std::string& schema) {
  return std::make_shared<const Relation>(Relation{
      .schema = schema,
      .name = "session",
      .columns = {{"session", type_oid::kInt4, "integer", true},
                  {"transaction_id", type_oid::kInt8, "bigint", true}},
      .key = {0},
  });
}

Row MakeSessionRow(SessionId session, TransactionId last_committed) {
  return MakeRow(
      {static_cast<std::int64_t>(session.value), static_cast<std::int64_t>(last_committed.value)});
}

}  // namespace lockstep::model
