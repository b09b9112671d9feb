#include "consumer/table_copy.h"

#include <utility>

#include "model/row.h"

namespace lockstep::consumer {

void TableCopy::OnRow(std::uint32_t number, postgres::TableRow row) {
  if (unshown_keys_.contains(number)) return;
  const model::Table& table = replica_->table(number);
  if (const auto lost = projection_->LostInKey(*table.relation(), row.row)) {
    unshown_keys_.emplace(number, model::Describe(*table.relation(), *lost));
    (void)replica_->EraseAll(number);
    return;
  }
  auto shown = projection_->Project(*table.relation(), row.row);
  model::Row copied = std::move(shown ? *shown : row.row);
  model::Row key = table.KeyToInsert(copied);
  replica_->Write(number, std::move(key), std::move(copied));
}

}  // namespace lockstep::consumer
