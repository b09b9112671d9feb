// Rows of the source into the tables of a replica, as a plugin with its losses shows them. A table
// with a key that is not shown as it is stays empty, and is named.
#ifndef LOCKSTEP_CONSUMER_TABLE_COPY_H_
#define LOCKSTEP_CONSUMER_TABLE_COPY_H_

#include <cstdint>
#include <map>
#include <string>

#include "model/database.h"
#include "model/projection.h"
#include "postgres/copy_row.h"
#include "postgres/parallel_reader.h"

namespace lockstep::consumer {

class TableCopy : public postgres::TableSink {
 public:
  // Both must outlive it. Tables are read under the numbers they have in the replica, where they
  // are empty.
  TableCopy(model::Database& replica, const model::Projection& projection)
      : replica_(&replica), projection_(&projection) {}

  void OnRow(std::uint32_t number, postgres::TableRow row) override;
  bool OnEnd(std::uint32_t /*number*/) override { return false; }

  // Why the rows of these cannot be told apart, by their numbers.
  const std::map<std::uint32_t, std::string>& unshown_keys() const { return unshown_keys_; }

 private:
  model::Database* replica_;
  const model::Projection* projection_;
  std::map<std::uint32_t, std::string> unshown_keys_;
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_TABLE_COPY_H_
