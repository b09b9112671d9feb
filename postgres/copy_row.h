// A row as COPY sends it, in the standard form: what is asked for, and what the answer's lines
// mean.
#ifndef LOCKSTEP_POSTGRES_COPY_ROW_H_
#define LOCKSTEP_POSTGRES_COPY_ROW_H_

#include <string>
#include <string_view>

#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"
#include "model/row.h"
#include "postgres/copy_text.h"

namespace lockstep::postgres {

struct TableRow {
  model::Row row;   // complete, columns as in the Relation
  model::Xid xmin;  // 0 unless asked for. The subtransaction's where a savepoint was open
};

enum class Xmin { kLeaveOut, kRead };

// COPY ... TO STDOUT of the table's own rows: the columns in the relation's order, then xmin.
std::string CopyCommand(const model::Relation& relation, Xmin xmin);

class CopyRowParser {
 public:
  // `relation` must outlive the parser.
  CopyRowParser(const model::Relation& relation, Xmin xmin);

  // `line`: the bytes of one CopyData message. kMalformed, with the table and the column or the
  // offset, when it is not a row of the relation's types.
  model::Result<TableRow> Parse(std::string_view line);

 private:
  const model::Relation* relation_;
  Xmin xmin_;
  CopyTextParser fields_;
  model::RowBuilder builder_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_COPY_ROW_H_
