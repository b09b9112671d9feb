// One applier session: a connection on which scripts run one after the other, each as one pipeline.
//
//   BEGIN, session row, operations ..., COMMIT, Sync        one round trip
//
// An error aborts everything up to the next Sync, as the server itself refuses everything up to
// ROLLBACK TO; so a Sync stands before each ROLLBACK TO, and a COMMIT that was aborted is followed
// by a ROLLBACK.
//
// When the connection is lost with a script under way, the session row, locked on a new connection,
// says whether it committed; if not, it is run again. One that is lost while idle is opened again.
// The bracket of a COMMIT in doubt goes from the last position known before the script was sent to
// one that is read afterwards.
// Never blocks except while it reconnects.
#ifndef LOCKSTEP_APPLIER_SESSION_H_
#define LOCKSTEP_APPLIER_SESSION_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "applier/statements.h"
#include "model/catalog.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/operation.h"
#include "model/outcome.h"
#include "postgres/connection.h"
#include "postgres/pipeline.h"

namespace lockstep::applier {

struct SessionOptions {
  std::string conninfo;
  model::SessionId id;
  // Read pg_current_wal_insert_lsn() around each COMMIT, where the verifier cannot read the WAL.
  bool bracket_commits = false;
};

class Session {
 public:
  // `catalog` must outlive the session.
  static model::Result<Session> Open(const SessionOptions& options, const model::Catalog& catalog);

  // Starts a script; the session must be idle. An outcome at once only where the connection turned
  // out to be lost and the script had committed all the same; other results are those of Drive.
  model::Result<std::optional<model::Outcome>> Start(model::Script script);
  bool idle() const { return !script_.has_value(); }
  // The script under way.
  std::optional<model::TransactionId> current() const;

  int fd() const { return pipeline_.fd(); }
  bool WantsWrite() const { return pipeline_.WantsWrite(); }

  // Moves what can be moved; an outcome when the script has ended. An error means that the database
  // could not be reached again.
  model::Result<std::optional<model::Outcome>> Drive();

 private:
  // What the next result belongs to.
  struct Slot {
    enum class Kind { kOther, kPrepare, kSessionUpdate, kOperation, kBefore, kEnd, kAfter };
    Kind kind = Kind::kOther;
    std::uint32_t index = 0;  // of the operation, or in preparing_
  };

  Session(const SessionOptions& options, const model::Catalog& catalog, postgres::Pipeline pipeline,
          model::Lsn position)
      : options_(options),
        statements_(catalog),
        catalog_(&catalog),
        pipeline_(std::move(pipeline)),
        backend_pid_(pipeline_.connection().backend_pid()),
        position_before_(position) {}

  model::Result<void> Send();
  model::Result<void> PrepareWanted();
  model::Result<void> SendOperation(const model::Operation& operation, Slot slot);
  model::Result<void> SendStatement(const Statement& statement, Slot slot);
  model::Result<void> SendSql(const std::string& sql, Slot slot);
  model::Result<void> SendEnd();
  model::Result<void> SendSync();
  void OnResult(const Slot& slot, const postgres::PipelineResult& result);
  void OnSuccess(const Slot& slot, const postgres::CommandOk& ok);
  void OnFailure(const Slot& slot, const std::string& sqlstate, const std::string& message);
  // All results of the pipeline are in: the outcome, or one more round to end a failed transaction.
  model::Result<std::optional<model::Outcome>> Conclude();
  model::Result<std::optional<model::Outcome>> Advance();
  // Asks the database what became of the script, on a new connection, which is the session's then.
  model::Result<std::optional<model::Outcome>> Settle();
  model::Result<std::optional<model::Outcome>> TrySettle();
  // The script committed, as the session row says.
  model::Outcome TakeSettledOutcome(model::FullXid xid, model::Lsn position_after);

  SessionOptions options_;
  StatementMaker statements_;
  const model::Catalog* catalog_;
  postgres::Pipeline pipeline_;
  int backend_pid_;                                 // kept: libpq forgets it with the connection
  std::unordered_map<std::string, bool> prepared_;  // true: the server has confirmed it
  // Names and SQL met for the first time: prepared before the next script. In mid-transaction a
  // failure before it would undo the Prepare.
  std::map<std::string, std::string> wanted_;
  std::vector<std::string> preparing_;  // names sent with this script

  std::optional<model::Script> script_;
  model::Outcome outcome_;
  std::deque<Slot> slots_;  // results still owed
  // The tag that answered COMMIT or ROLLBACK.
  std::optional<std::string> end_tag_;
  // With bracket_commits: a WAL position read before the script was sent.
  model::Lsn position_before_;
};

}  // namespace lockstep::applier

#endif  // LOCKSTEP_APPLIER_SESSION_H_
