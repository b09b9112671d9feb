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
  model::Row row;   // columns as in the Relation
  model::Xid xmin;  // 0 unless asked for. The subtransaction's where a savepoint was open
};

// How much of a row is read.
enum class RowForm {
  // COPY table (columns): nothing is planned, so that nobody's code runs (postgres/foreign_code.h).
  // Generated columns cannot be had: they are NotSent.
  kStored,
  // All columns: of a table with generated ones by a query.
  kComplete,
  kWithXmin,  // by a query
};

// COPY ... TO STDOUT of the table's own rows: the columns in the relation's order, then xmin.
// `table`: where they are, if that is not the relation itself but a partition of it.
std::string CopyCommand(const model::Relation& relation, RowForm form,
                        const std::string& table = {});

class CopyRowParser {
 public:
  // `relation` must outlive the parser.
  CopyRowParser(const model::Relation& relation, RowForm form);

  // `line`: the bytes of one CopyData message. kMalformed, with the table and the column or the
  // offset, when it is not a row of the relation's types.
  model::Result<TableRow> Parse(std::string_view line);

 private:
  const model::Relation* relation_;
  RowForm form_;
  CopyTextParser fields_;
  model::RowBuilder builder_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_COPY_ROW_H_
