// The server of a benchmark: as `lockstep run` makes it, with a connection to look at it.
#ifndef LOCKSTEP_BENCH_SERVER_H_
#define LOCKSTEP_BENCH_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/local_cluster.h"

namespace lockstep::bench {

class Server {
 public:
  // A new cluster under /tmp; it goes with this object.
  static model::Result<Server> Start();

  std::string uri() const { return cluster_.uri(); }
  // "15.20 (Debian 15.20-0+deb12u1)".
  model::Result<std::string> Version();

  // CPU time of the server's processes since it started, those that ended included.
  double CpuSeconds() const;

  // Remembers who is who and how much CPU each server process has used; to be called often, since a
  // process that ends takes its numbers along.
  void Look();
  // What was seen since the last call: "lockstep applier" (application names; else the backend's
  // type) -> CPU seconds.
  std::map<std::string, double> TakeCpuByClient();

  // Of the tables of runs, as the statistics (a second old, not exact) have them.
  std::uint64_t RowsAlive();

 private:
  Server(postgres::LocalCluster cluster, postgres::Connection sql, pid_t postmaster)
      : cluster_(std::move(cluster)), sql_(std::move(sql)), postmaster_(postmaster) {}
  void LearnNames();

  struct Backend {
    std::string client;
    double taken_s = 0;  // counted by an earlier TakeCpuByClient
    double cpu_s = 0;
  };

  postgres::LocalCluster cluster_;
  postgres::Connection sql_;
  pid_t postmaster_;
  std::map<pid_t, Backend> backends_;
  int looks_ = 0;
};

}  // namespace lockstep::bench

#endif  // LOCKSTEP_BENCH_SERVER_H_
