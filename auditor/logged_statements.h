// What a log of schema changes, where there is one, tells of a table. Pure, without I/O.
#ifndef LOCKSTEP_AUDITOR_LOGGED_STATEMENTS_H_
#define LOCKSTEP_AUDITOR_LOGGED_STATEMENTS_H_

#include <optional>

#include "auditor/explanation.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "postgres/ddl_log.h"
#include "postgres/relation_reader.h"

namespace lockstep::auditor {

// nullopt: there is none. What is returned points into it.
using MaybeDdlLog = std::optional<postgres::DdlLog>;

// The first rewrite of a table that was copied at `copied_at`; null: none since then.
const postgres::DdlEntry* FirstRewrite(const MaybeDdlLog& log, const postgres::TableName& table,
                                       model::Lsn copied_at);

// The statement after which the table, copied at `copied_at`, has another form: the last one that
// rewrote or altered it. Of one that was not there (nullopt): the last that made it, or gave it
// this name. Null: there is none.
const postgres::DdlEntry* LastStatement(const MaybeDdlLog& log, const postgres::TableName& table,
                                        std::optional<model::Lsn> copied_at);

// Puts into `facts` what is logged between `known_at` and `until`: what was altered without a
// logged ALTER TABLE has the form that it had (GRANT, a trigger). Of a partitioned table the log is
// not all: partitions come, go and are truncated without a rewrite.
void AddLogged(const MaybeDdlLog& log, const model::Relation& table, model::Lsn known_at,
               model::Lsn until, TableFacts& facts);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_LOGGED_STATEMENTS_H_
