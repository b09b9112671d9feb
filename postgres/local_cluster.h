// A Postgres server of our own: made, started, crashed, started again and removed by this process.
//
//   this process ──socket pair──► supervisor ──► postmaster
//                                 at EOF: stops the server, removes the directory
//
// The supervisor is a forked child in a session of its own. It outlives this process however that
// ends (kill -9 included), so neither a server nor a directory stays behind. The server listens on
// a Unix socket in its directory only, trusts who can reach it (the directory is 0700), and its
// superuser is "postgres".
//
// Run as root, the server runs as user "postgres", else "nobody"; otherwise as the user of this
// process. Not thread-safe.
#ifndef LOCKSTEP_POSTGRES_LOCAL_CLUSTER_H_
#define LOCKSTEP_POSTGRES_LOCAL_CLUSTER_H_

#include <map>
#include <memory>
#include <string>

#include "model/error.h"

namespace lockstep::postgres {

struct LocalClusterOptions {
  // Where the cluster lives. Empty: a new directory under /tmp. One that holds a cluster already is
  // started as it is. Absolute.
  std::string directory = {};
  // Leave the directory when the cluster ends. The server is stopped all the same.
  bool keep = false;
  // Settings for postgresql.conf, unquoted ("max_prepared_transactions" -> "20"). They win over
  // ours.
  std::map<std::string, std::string> settings = {};
  // max_replication_slots and max_wal_senders.
  int slots_and_senders = 64;
  // Where initdb and postgres are. Empty: `pg_config --bindir`, else the newest
  // /usr/lib/postgresql/*/bin.
  std::string bindir = {};
};

enum class StopMode {
  kFast,       // ends sessions, writes a checkpoint; waits for replication clients that are behind
  kImmediate,  // as after a crash: recovery at the next start
};

class LocalCluster {
 public:
  // initdb (where needed) and start; about a second. Errors are kEnvironment (kUsage where an
  // option is to blame) with the end of the log.
  static model::Result<LocalCluster> Start(const LocalClusterOptions& options = {});

  LocalCluster(LocalCluster&&) noexcept;
  LocalCluster& operator=(LocalCluster&&) noexcept;
  // Stops the server at once and removes the directory (unless `keep`: then a fast stop). Blocks
  // until it is done.
  ~LocalCluster();

  // Starts the stopped or crashed server again and waits until it accepts connections.
  model::Result<void> StartAgain();
  // Returns when the server is gone. Stopping a stopped server is not an error.
  model::Result<void> Stop(StopMode mode);
  // Ends the server at once and without a checkpoint (SIGQUIT); returns when it is gone. The next
  // start recovers: slots may step back.
  model::Result<void> Crash();
  bool IsRunning() const;

  // For Connection::Open, superuser, database "postgres" by default. Stays the same over restarts.
  std::string uri(const std::string& database = "postgres") const;
  const std::string& directory() const;
  const std::string& log_path() const;
  // As server_version_num: 150020.
  int server_version() const;

 private:
  struct Impl;
  explicit LocalCluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The folder with initdb and postgres as LocalCluster finds it.
model::Result<std::string> FindServerBinaries();

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_LOCAL_CLUSTER_H_
