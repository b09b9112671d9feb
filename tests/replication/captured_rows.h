// The rows that the captures' scripts insert, in the standard form, written out by hand: what every
// plugin and COPY must show of them, but for what a plugin loses (its own test says what).
#ifndef LOCKSTEP_TESTS_REPLICATION_CAPTURED_ROWS_H_
#define LOCKSTEP_TESTS_REPLICATION_CAPTURED_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "model/row.h"

namespace lockstep::replication {

// The rows that captures/<script> inserts first into a table of the schema "captured", in order:
// with all columns, generated ones too. Of tables that are about values all, of tables that are
// about what happens to a row the first. None for other tables.
std::vector<model::Row> CapturedRows(std::string_view table,
                                     std::string_view script = "decoderbufs.sql");

// The tables of CapturedRows() of a script.
std::vector<std::string> TablesWithCapturedRows(std::string_view script = "decoderbufs.sql");

// The out-of-line text of "toasted" and "full_identity".
std::string BigText();

}  // namespace lockstep::replication

#endif  // LOCKSTEP_TESTS_REPLICATION_CAPTURED_ROWS_H_
