// A digest of the ordered changes of one transaction, the same whichever plugin told them: a
// listener computes it from the stream, the verifier from the script.
//
// Chained over the changes, each with operation, table, key and row after:
//
//   state' = H(state, operation:u8, table name, [old key,] [row | key] ...)
//
// Messages have a chain of their own: Postgres orders a message by the end of its WAL record, which
// is the beginning of the next one, so that a message at the end of a subtransaction may come
// before or after the change that follows it.
//
// A key that an update leaves as it is does not count as old key, whether the plugin sent it or
// not. Unchanged cells count with the value that they stand for.
#ifndef LOCKSTEP_MODEL_CHANGE_DIGEST_H_
#define LOCKSTEP_MODEL_CHANGE_DIGEST_H_

#include <string>
#include <string_view>

#include "model/digest.h"
#include "model/row.h"

namespace lockstep::model {

class ChangeDigest {
 public:
  // `table` is the table's name without its schema, which differs from run to run.
  void Insert(std::string_view table, const Row& row);
  // `old_key` nullptr: the key stays.
  void Update(std::string_view table, const Row* old_key, const Row& row);
  void Delete(std::string_view table, const Row& key);
  void Truncate(std::string_view table);
  void Message(std::string_view prefix, std::string_view content);

  Digest digest() const;
  void Clear();

 private:
  void Begin(char operation, const Digest& chain);
  void Add(std::string_view part);

  Digest rows_;
  Digest messages_;
  std::string buffer_;  // keeps its capacity
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_CHANGE_DIGEST_H_
