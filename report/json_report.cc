#include "report/json_report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/digest.h"
#include "model/lsn.h"

namespace lockstep::report {
namespace {

using Json = nlohmann::ordered_json;
using model::ErrorKind;
using model::Fail;
using model::Result;

// `known`: whether the verifier has compared; otherwise a zero digest is one that nobody made.
Json DigestJson(model::Digest digest, bool known) {
  if (!known && digest == model::Digest{}) return nullptr;
  return ToString(digest);
}

Json LsnJson(model::Lsn lsn) { return lsn.IsValid() ? Json(ToString(lsn)) : Json(nullptr); }

Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json RowJson(const model::NamedTexts& row) {
  Json object = Json::object();
  for (const auto& [column, text] : row) object[column] = text ? Json(*text) : Json(nullptr);
  return object;
}

Json RowJson(const std::optional<model::NamedTexts>& row) {
  return row ? RowJson(*row) : Json(nullptr);
}

Json ListenerJson(const model::ListenerResult& listener, bool known) {
  Json projected = Json::object();
  for (const auto& [reason, cells] : listener.projected) projected[reason] = cells;
  Json quarantined = Json::array();
  for (const model::QuarantinedTable& table : listener.quarantined) {
    quarantined.push_back(
        {{"table", table.table}, {"end_lsn", ToString(table.end_lsn)}, {"reason", table.reason}});
  }
  return {{"id", listener.id},
          {"plugin", listener.plugin},
          {"transactions", listener.transactions},
          {"changes", listener.changes},
          {"commits_checked", listener.commits_checked},
          {"foreign", listener.foreign},
          {"end_lsn", ToString(listener.end_lsn)},
          {"digest", DigestJson(listener.digest, known)},
          {"joined", LsnJson(listener.joined)},
          {"left", LsnJson(listener.left)},
          {"lost", listener.lost},
          {"projected", std::move(projected)},
          {"quarantined", std::move(quarantined)}};
}

Json DivergenceJson(const model::FirstDivergence& divergence) {
  Json rows = Json::array();
  for (const model::RowDifference& row : divergence.rows) {
    rows.push_back({{"key", RowJson(row.key)},
                    {"expected", RowJson(row.expected)},
                    {"source", RowJson(row.source)},
                    {"replicated", RowJson(row.replicated)}});
  }
  return {{"listener", TextOrNull(divergence.listener)},
          {"commit", divergence.commit ? Json(divergence.commit->value) : Json(nullptr)},
          {"xid", divergence.xid.value},
          {"end_lsn", ToString(divergence.end_lsn)},
          {"table", TextOrNull(divergence.table)},
          {"rows", std::move(rows)}};
}

}  // namespace

std::string ReportText(const RunResult& result) {
  const model::Verdict& verdict = result.verdict;
  const bool known = !result.error && verdict.kind != model::VerdictKind::kInconclusive;
  Json report = Json::object();
  report["verdict"] = result.error ? Json(nullptr) : Json(ToString(verdict.kind));
  if (result.error) report["error"] = result.error->message;
  if (!verdict.reason.empty()) report["reason"] = verdict.reason;
  report["exit_code"] = static_cast<int>(ExitCodeOf(result));
  report["seed"] = verdict.seed;
  report["workload_hash"] = DigestJson(verdict.workload_hash, known);
  report["postgres_version"] = TextOrNull(verdict.postgres_version);
  report["commit_order"] = verdict.commit_order == model::CommitOrderSource::kUnknown
                               ? Json(nullptr)
                               : Json(ToString(verdict.commit_order));
  report["transactions"] = {{"generated", verdict.transactions.generated},
                            {"committed", verdict.transactions.committed},
                            {"rolled_back", verdict.transactions.rolled_back},
                            {"failed", verdict.transactions.failed}};
  report["listeners"] = Json::array();
  for (const model::ListenerResult& listener : verdict.listeners) {
    report["listeners"].push_back(ListenerJson(listener, known));
  }
  report["digests"] = {{"expected", DigestJson(verdict.expected, known)},
                       {"source", DigestJson(verdict.source, known)},
                       {"generator", DigestJson(verdict.generator, known)}};
  report["rows_compared"] = verdict.rows_compared;
  report["situations"] = Json::object();
  for (const auto& [name, count] : verdict.situations) report["situations"][name] = count;
  report["elapsed_s"] = result.elapsed_s;
  if (verdict.first_divergence && !result.error) {
    report["first_divergence"] = DivergenceJson(*verdict.first_divergence);
  }
  // Text that is not UTF-8 (a row of a SQL_ASCII database) must not keep the report from being
  // written.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> CheckReportPath(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path directory = fs::path(path).parent_path();
  std::string problem;
  if (fs::is_directory(path, ignored)) {
    problem = "it is a directory";
  } else if (!fs::is_directory(directory, ignored)) {
    problem = fmt::format("there is no directory {}", directory.string());
  } else if (access(fs::exists(path, ignored) ? path.c_str() : directory.c_str(), W_OK) != 0) {
    problem = std::strerror(errno);
  }
  if (problem.empty()) return {};
  return Fail(ErrorKind::kUsage, fmt::format("--report: cannot write {}: {}", path, problem));
}

Result<void> WriteReport(const std::string& path, const RunResult& result) {
  return WriteReport(path, ReportText(result));
}

Result<void> WriteReport(const std::string& path, const std::string& text) {
  // It holds rows: whoever may read them says so by a file that is there.
  if (const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600); fd >= 0) close(fd);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (file) return {};
  return Fail(ErrorKind::kEnvironment,
              fmt::format("--report: cannot write {}: {}", path, std::strerror(errno)));
}

}  // namespace lockstep::report
