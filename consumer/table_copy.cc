#include "consumer/table_copy.h"

#include <utility>

#include "model/row.h"

namespace lockstep::consumer {

void TableCopy::OnRow(std::uint32_t number, postgres::TableRow row) {
  const model::Table& table = replica_->table(number);
  auto shown = projection_->Project(*table.relation(), row.row);
  model::Row copied = std::move(shown ? *shown : row.row);
  model::Row key = table.KeyToInsert(copied);
  replica_->Write(number, std::move(key), std::move(copied));
}

}  // namespace lockstep::consumer
