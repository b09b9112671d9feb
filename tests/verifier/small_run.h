// A run that fits into a test: one table, a pretended Postgres that executes scripts as they mean,
// and what the applier, the WAL and a stream then say of them.
#ifndef LOCKSTEP_TESTS_VERIFIER_SMALL_RUN_H_
#define LOCKSTEP_TESTS_VERIFIER_SMALL_RUN_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/catalog.h"
#include "model/change.h"
#include "model/commit_record.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/execute.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/operation.h"
#include "model/outcome.h"
#include "model/row.h"
#include "verifier/oracle.h"

namespace lockstep::verifier {

// Sessions 1 to 3 and table 1: items (id int8, a text, b text).
inline constexpr std::uint32_t kItems = 1;
inline constexpr std::uint32_t kSessions = 3;
model::Catalog MakeSmallCatalog();

model::Row ItemKey(std::int64_t id);
model::Row Item(std::int64_t id, std::string_view a, std::string_view b);
model::Row SessionKey(std::uint32_t session);

model::Operation Insert(std::int64_t id, std::string_view a = "a", std::string_view b = "b");
model::Operation UpsertA(std::int64_t id, std::string_view a);
model::Operation SetA(std::int64_t id, std::string_view a);
model::Operation SetId(std::int64_t id, std::int64_t new_id);
model::Operation Delete(std::int64_t id);

// A script and what became of it.
struct Ran {
  model::Script script;
  model::Outcome outcome;
  // When it committed:
  model::CommitRecord record;
  model::Transaction transaction;
  model::Digest digest;   // of the state after it
  model::Digest changes;  // of transaction's changes
  bool committed() const { return outcome.fate == model::Fate::kCommitted; }
};

// The digest of a transaction whose rows are complete (model/change_digest.h).
model::Digest DigestOf(const model::Transaction& transaction);

class PretendedPostgres {
 public:
  PretendedPostgres();

  // The next script (its id is the one after the last) on its session: xid 100 + id, and when it
  // commits 16 bytes of WAL.
  Ran Run(std::uint32_t session, std::vector<model::Operation> operations,
          model::ScriptEnd end = model::ScriptEnd::kCommit);
  Ran Run(model::Script script);
  // Somebody else's commit.
  model::CommitRecord CommitForeign();

  const model::Database& database() const { return database_; }
  model::Lsn wal_end() const { return wal_end_; }

 private:
  model::Change Streamed(const model::StreamedChange& change, const model::Execution& execution,
                         const model::Script& script) const;

  model::Catalog catalog_ = MakeSmallCatalog();
  model::Database database_;
  model::Lsn wal_end_{1000};
  std::uint64_t last_id_ = 0;
  std::uint32_t foreign_ = 0;
};

// Everything that the verifier is told of it, at once; the WAL is settled there.
void Tell(Oracle& oracle, const Ran& ran);
void Tell(Oracle& oracle, const model::CommitRecord& record);

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_TESTS_VERIFIER_SMALL_RUN_H_
