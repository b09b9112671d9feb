#include "bench/server.h"

#include <cstdlib>
#include <utility>

#include "bench/proc.h"

namespace lockstep::bench {
namespace {

using model::Result;
using postgres::Connection;

// Names are asked for at every tenth look: half a second, at under a millisecond each.
constexpr int kLooksPerName = 10;

}  // namespace

Result<Server> Server::Start() {
  Result<postgres::LocalCluster> cluster = postgres::LocalCluster::Start();
  if (!cluster) return std::unexpected(std::move(cluster.error()));
  Result<Connection> sql = Connection::Open(cluster->uri(), postgres::ConnectionKind::kSql,
                                            {.application_name = "bench"});
  if (!sql) return std::unexpected(std::move(sql.error()));
  // Its first line is the pid.
  Result<std::string> pid =
      sql->Scalar("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
  if (!pid) return std::unexpected(std::move(pid.error()));
  return Server(std::move(*cluster), std::move(*sql), std::atoi(pid->c_str()));
}

Result<std::string> Server::Version() { return sql_.Scalar("SHOW server_version"); }

double Server::CpuSeconds() const {
  const auto postmaster = ReadProcess(postmaster_);
  if (!postmaster) return 0;
  double seconds = postmaster->cpu_s + postmaster->children_cpu_s;
  for (const pid_t pid : ChildrenOf(postmaster_)) {
    if (const auto process = ReadProcess(pid)) seconds += process->cpu_s;
  }
  return seconds;
}

void Server::LearnNames() {
  auto activity = sql_.Execute(
      "SELECT pid, CASE WHEN backend_type = 'walsender' OR application_name = '' THEN backend_type "
      "ELSE regexp_replace(application_name, ' session [0-9]+$', ' sessions') END "
      "FROM pg_stat_activity");
  if (!activity) return;
  for (int row = 0; row < activity->rows(); ++row) {
    const pid_t pid = std::atoi(std::string(activity->Text(row, 0)).c_str());
    backends_[pid].client = activity->Text(row, 1);
  }
}

void Server::Look() {
  if (looks_++ % kLooksPerName == 0) LearnNames();
  for (const pid_t pid : ChildrenOf(postmaster_)) {
    if (const auto process = ReadProcess(pid)) backends_[pid].cpu_s = process->cpu_s;
  }
}

std::map<std::string, double> Server::TakeCpuByClient() {
  std::map<std::string, double> seconds;
  for (auto& [pid, backend] : backends_) {
    const double used_s = backend.cpu_s - std::exchange(backend.taken_s, backend.cpu_s);
    if (used_s > 0) seconds[backend.client.empty() ? "not named" : backend.client] += used_s;
  }
  return seconds;
}

std::uint64_t Server::RowsAlive() {
  const auto rows = sql_.Scalar(
      "SELECT coalesce(sum(n_live_tup), 0) FROM pg_stat_user_tables "
      "WHERE schemaname LIKE 'lockstep\\_%'");
  return rows ? std::strtoull(rows->c_str(), nullptr, 10) : 0;
}

}  // namespace lockstep::bench
