// The bodies that carry rows, as MessagePack: Script, RowsRequest and RowsReply.
//
//   script       = [ id, session, end, [ operation* ] ]      end: 0 commit, 1 rollback
//   operation    = [ 0, table, row ]                         insert
//                | [ 1, table, row, [ column+ ] ]            upsert, with the columns it updates
//                | [ 2, table, key, assignments ]            update
//                | [ 3, table, key ]                         delete
//                | [ 4 ] | [ 5 ] | [ 6 ]                     savepoint, rollback to it, release it
//                | [ 7, table ]                              truncate
//                | [ 8, prefix, content ]                    message; both `str`
//   rows-request = [ end_lsn, [ [ name, key ]* ] ]
//   rows-reply   = [ end_lsn, [ [ name, key, row | nil ]* ] ]
//
// row, key and assignments are `bin`: the canonical bytes of a Row (model/row.h); name is `str`: a
// table's, without its schema. Everything else is an unsigned integer; table and column count from
// 0. Arrays have exactly these lengths, nothing follows the outermost.
//
// Reading checks that rows are well formed, not that they fit a table: that needs the catalog,
// which a decoder does not have.
#ifndef LOCKSTEP_WIRE_ROW_CODEC_H_
#define LOCKSTEP_WIRE_ROW_CODEC_H_

#include <string>
#include <string_view>

#include "model/error.h"
#include "model/operation.h"
#include "wire/message.h"

namespace lockstep::wire {

std::string EncodeScript(const model::Script& script);
std::string EncodeRowsRequest(const RowsRequest& request);
std::string EncodeRowsReply(const RowsReply& reply);

// kMalformed, with the byte or the field, for any bytes that do not follow the grammar.
model::Result<model::Script> DecodeScript(std::string_view body);
model::Result<RowsRequest> DecodeRowsRequest(std::string_view body);
model::Result<RowsReply> DecodeRowsReply(std::string_view body);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_ROW_CODEC_H_
