// What the stream said: the changes of one committed transaction, in the order they were made.
#ifndef LOCKSTEP_MODEL_CHANGE_H_
#define LOCKSTEP_MODEL_CHANGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::model {

struct Insert {
  RelationPtr relation;
  Row row;  // complete
  friend bool operator==(const Insert&, const Insert&) = default;
};

struct Update {
  RelationPtr relation;
  // Set when the identity changed (or is FULL): all columns, the ones outside the identity
  // NotInIdentity.
  std::optional<Row> old_row;
  Row row;  // cells may be Unchanged
  friend bool operator==(const Update&, const Update&) = default;
};

struct Delete {
  RelationPtr relation;
  Row old_row;  // as in Update
  friend bool operator==(const Delete&, const Delete&) = default;
};

// All rows of a table are gone.
struct Truncate {
  RelationPtr relation;
  friend bool operator==(const Truncate&, const Truncate&) = default;
};

// pg_logical_emit_message inside the transaction: no table has it.
struct LogicalMessage {
  std::string prefix;
  std::string content;
  friend bool operator==(const LogicalMessage&, const LogicalMessage&) = default;
};

using Change = std::variant<Insert, Update, Delete, Truncate, LogicalMessage>;

// nullptr for a message.
const RelationPtr& RelationOf(const Change& change);
// About what it takes in memory.
std::size_t BytesOf(const Change& change);

// A table that cannot be followed from this transaction on: not all of its changes could be read.
struct UnreadTable {
  std::string schema;  // plain
  std::string name;    // plain
  std::string reason;
  // It is as it was, only this transaction is not to be had: what it holds behind it can be
  // followed.
  bool is_followable = false;
  friend bool operator==(const UnreadTable&, const UnreadTable&) = default;
};

struct Transaction {
  Xid xid;
  Lsn end_lsn;  // just past the commit record: orders, acknowledges, de-duplicates
  std::int64_t commit_micros = 0;   // since 2000-01-01 UTC, by the server's clock
  std::vector<Change> changes;      // of followed tables
  std::uint64_t other_changes = 0;  // of tables that are not followed, only counted
  // Of these, changes of tables that are to be followed: they cannot be read.
  std::uint64_t unread_changes = 0;
  // Each table once; only where that does not end the following.
  std::vector<UnreadTable> unread;
};

// About what its changes take in memory.
std::size_t BytesOf(const Transaction& transaction);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_CHANGE_H_
