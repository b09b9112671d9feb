// The Postgres server of a run: one of our own, or the user's.
#ifndef LOCKSTEP_LAUNCHER_SOURCE_H_
#define LOCKSTEP_LAUNCHER_SOURCE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/options.h"
#include "model/error.h"
#include "postgres/local_cluster.h"

namespace lockstep::launcher {

// What the database is for.
enum class SourceUse {
  kRun,
  kAudit,             // of any encoding; a right to create is needed for publications alone
  kAuditPublication,  // the same of a publication that is there
};

class Source {
 public:
  // Without options.database a server is started, in `cluster_path` (kept) or a temporary
  // directory. A database of the user's is checked: kDisconnected when it cannot be reached,
  // kUsage with every failed check and its remedy; nothing is left on it.
  static model::Result<Source> Open(const RunOptions& options, const std::string& cluster_path,
                                    SourceUse use = SourceUse::kRun);

  const std::string& uri() const { return uri_; }
  const std::string& postgres_version() const { return postgres_version_; }
  // What is to be said at once: transactions that are prepared, and whose end is waited for.
  const std::vector<std::string>& notes() const { return notes_; }
  // Whether the server is there after the run, so that what is left on it matters.
  bool stays() const { return stays_; }

 private:
  Source(std::optional<postgres::LocalCluster> cluster, std::string uri, bool stays)
      : cluster_(std::move(cluster)), uri_(std::move(uri)), stays_(stays) {}

  std::optional<postgres::LocalCluster> cluster_;
  std::string uri_;
  bool stays_;
  std::string postgres_version_;
  std::vector<std::string> notes_;
};

// Whether the end of a wait, which a stop brings, may be the cause: also of a check that failed.
bool IsOfTheStop(const model::Error& error);

// Drops what the processes of a run could not: slots named `schema`_..., the schema and the
// publication of that name. All of them are tried; the first error is returned, with what to do.
model::Result<void> RemoveLeftovers(const std::string& uri, const std::string& schema);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SOURCE_H_
