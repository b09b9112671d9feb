#include "launcher/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "launcher/audit_course.h"
#include "launcher/audit_crew.h"
#include "launcher/audit_objects.h"
#include "launcher/doctor.h"
#include "launcher/process.h"
#include "launcher/programs.h"
#include "launcher/run_directory.h"
#include "launcher/source.h"
#include "launcher/status_board.h"
#include "launcher/wait_log.h"
#include "model/error.h"
#include "model/verdict.h"
#include "postgres/client_environment.h"
#include "postgres/connection.h"
#include "postgres/ddl_log.h"
#include "postgres/finding.h"
#include "postgres/lookout.h"
#include "postgres/publication.h"
#include "postgres/table_scope.h"
#include "report/audit_json.h"
#include "report/audit_result.h"
#include "report/audit_summary.h"
#include "report/json_report.h"
#include "report/number_text.h"
#include "report/shown_text.h"
#include "wire/peer.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {
namespace {

using model::Result;
using postgres::Connection;

// Of a failed auditor's log.
constexpr int kTailLines = 20;

void Say(const std::string& text) {
  std::cerr << "lockstep: " << report::Paragraph(text) << std::endl;
}

Result<std::string> FindOurAuditor() {
  const char* bin_dir = std::getenv("LOCKSTEP_BIN_DIR");
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return FindAuditor(bin_dir ? std::optional<std::string>(bin_dir) : std::nullopt,
                     self.parent_path().string());
}

std::string AuditorName(const std::string& plugin) { return "audit-" + plugin; }

// One audit: what it was started with, and what it needs on the way.
class Session {
 public:
  Session(const AuditOptions& options, wire::StopSignal& stop, report::AuditReport& report)
      : options_(options), stop_(stop), report_(report) {
    std::random_device random;
    names_.name = fmt::format("lockstep_{:08x}", random());
  }

  Result<void> Run() {
    if (!options_.report.empty()) {
      if (auto ok = report::CheckReportPath(options_.report); !ok) return ok;
    }
    auto program = FindOurAuditor();
    if (!program) return std::unexpected(program.error());
    auto directory = RunDirectory::Make(options_.keep);
    if (!directory) return std::unexpected(directory.error());
    directory_ = &*directory;
    for (const std::string& removed : directory->removed())
      Say(fmt::format("removed {}, which a killed launcher had left", removed));
    auto source = Source::Open(
        {.plugin = options_.plugin, .database = options_.database}, directory->ClusterPath(),
        options_.publication.empty() ? SourceUse::kAudit : SourceUse::kAuditPublication);
    if (!source) return std::unexpected(source.error());
    uri_ = source->uri();
    report_.is_strict = options_.strict;
    report_.requires_success = options_.require_command_success;
    report_.postgres_version = source->postgres_version();
    if (stop_.Stopped()) {
      report_.reason = "interrupted";
      return {};
    }
    if (auto ok = CheckPatterns(); !ok) return ok;
    if (auto ok = CheckPublication(); !ok) return ok;
    Announce();
    for (const std::string& note : source->notes()) Say(note);
    if (!options_.embedded) ShowDiagnosis();
    if (stop_.Stopped()) {
      report_.reason = "interrupted";
      return {};
    }
    auto done = RunCrew(*program);
    ReadResults();
    if (source->stays()) {
      if (auto removed = RemoveAuditObjects(uri_, options_, names_); !removed) {
        Say(removed.error().message);
      }
    }
    return done;
  }

 private:
  // They are held against names in the database's encoding.
  Result<void> CheckPatterns() const {
    const std::string patterns = options_.schemas + options_.tables + options_.excluded;
    if (std::ranges::all_of(patterns, [](char c) { return (c & 0x80) == 0; })) return {};
    auto sql = Connection::Open(uri_, postgres::ConnectionKind::kSql);
    if (!sql) return std::unexpected(sql.error());
    auto encoding = sql->Scalar("SHOW server_encoding");
    if (!encoding) return std::unexpected(encoding.error());
    if (*encoding == "UTF8") return {};
    return model::Fail(
        model::ErrorKind::kUsage,
        fmt::format("--schema, --tables, --exclude: the database is in {}; write * in place "
                    "of characters that are not ASCII",
                    *encoding));
  }

  Result<void> CheckPublication() const {
    if (options_.publication.empty()) return {};
    auto sql = Connection::Open(uri_, postgres::ConnectionKind::kSql);
    if (!sql) return std::unexpected(sql.error());
    auto has = postgres::HasPublication(*sql, options_.publication);
    if (!has) return std::unexpected(has.error());
    if (*has) return {};
    return model::Fail(
        model::ErrorKind::kUsage,
        fmt::format("--publication: the database has no publication \"{}\"", options_.publication));
  }

  void Announce() const {
    Say(fmt::format("audit {}: PostgreSQL {}, {}, {}",
                    names_.name.substr(names_.name.find('_') + 1), report_.postgres_version,
                    Scope().Describe(), fmt::join(options_.Plugins(), ", ")));
    Say("it makes, and removes at the end:");
    for (const std::string& object : DescribeAuditObjects(options_, names_))
      std::cerr << "  " << object << std::endl;
  }

  // What `doctor` says against following these tables.
  void ShowDiagnosis() const {
    const auto plugins = options_.Plugins();
    const auto diagnosis =
        Diagnose({.database = uri_, .plugin = plugins.size() == 1 ? plugins.front() : ""});
    if (!diagnosis) return Say(diagnosis.error().message);
    for (const postgres::Finding& finding : diagnosis->of_tables) {
      const bool matters = std::ranges::any_of(
          plugins, [&](const std::string& plugin) { return postgres::Hinders(finding, plugin); });
      // Tables without a key are followed all the same, and no statement of the user's fails for
      // it.
      const bool is_known = finding.check == "key" || finding.check == "identity" ||
                            (finding.check == "truncation" && options_.install_triggers);
      if (!matters || is_known) continue;
      // `doctor` says what to do.
      Say(fmt::format("{}: {} ({})", finding.subject, finding.text,
                      finding.plugins.empty()
                          ? "any plugin"
                          : fmt::format("{}", fmt::join(finding.plugins, ", "))));
    }
  }

  postgres::TableScope Scope() const {
    return postgres::TableScope::Matching(options_.schemas, options_.tables, options_.excluded);
  }

  Result<std::vector<ProcessPlan>> PlanAuditors(const std::string& program,
                                                const std::string& status) const {
    const auto database = postgres::WithoutPassword(uri_);
    if (!database) return std::unexpected(database.error());
    std::vector<ProcessPlan> plans;
    for (const std::string& plugin : options_.Plugins()) {
      const std::string name = AuditorName(plugin);
      ProcessPlan plan{
          name,
          {program, "--id", name, "--database", database->conninfo, "--plugin", plugin, "--slot",
           names_.slot(plugin), "--schema", options_.schemas, "--tables", options_.tables,
           "--result", ResultPath(plugin), "--checkpoint", options_.checkpoint, "--status", status},
          database->variables};
      if (!options_.excluded.empty())
        plan.command.insert(plan.command.end(), {"--exclude", options_.excluded});
      if (!options_.publication.empty())
        plan.command.insert(plan.command.end(), {"--publication", options_.publication});
      if (options_.install_triggers) {
        plan.command.insert(plan.command.end(), {"--truncation-log", names_.truncation_log(),
                                                 "--ddl-log", names_.ddl_log()});
      }
      if (plans.empty() && !options_.sabotage.empty())
        plan.command.insert(plan.command.end(), {"--sabotage", options_.sabotage});
      plans.push_back(std::move(plan));
    }
    return plans;
  }

  std::string ResultPath(const std::string& plugin) const {
    return fmt::format("{}/{}.json", directory_->sockets(), AuditorName(plugin));
  }

  Result<Connection> OpenOwn() const {
    return Connection::Open(uri_, postgres::ConnectionKind::kSql,
                            postgres::OnlookerOptions("lockstep audit"));
  }

  Result<void> RunCrew(const std::string& program) {
    auto sql = OpenOwn();
    if (!sql) return std::unexpected(sql.error());
    auto variables = postgres::ClientEnvironment(*sql, uri_);
    if (!variables) return std::unexpected(variables.error());
    if (auto ok = CheckTriggers(*sql, options_); !ok) return ok;
    if (options_.install_triggers) MakeDdlLog(*sql);
    const std::string status = fmt::format("ipc://{}/launcher", directory_->sockets());
    const auto plans = PlanAuditors(program, status);
    if (!plans) return std::unexpected(plans.error());
    wire::Context context;
    auto server = wire::Server::Bind(context, "launcher", status);
    if (!server) return std::unexpected(server.error());
    AuditCrew crew(*server, stop_, board_);
    postgres::Lookout lookout(uri_, names_.name + "_");
    WaitLog waits;
    if (auto ok = crew.Start(*plans, *directory_); !ok) return ok;
    auto course = crew.Watch(
        {options_.command, std::move(*variables)},
        {.attached =
             [&] {
               Say(options_.watch ? "attached; until Ctrl-C" : "attached; the command starts");
             },
         .news = [&] { ShowNews(); },
         .lost = [&](const AuditCourse::Lost& lost) { OnLost(lost); },
         .progress = [&] { ShowProgress(sql); },
         .look = [&] { waits.Note(lookout.Look(postgres::Lookout::Clock::now())); }});
    report_.waits = waits.Sum();
    if (!course) return std::unexpected(course.error());
    return Judge(*course);
  }

  // Once for all auditors. Without it everything else goes on.
  void MakeDdlLog(Connection& sql) const {
    const auto made = postgres::InstallDdlLog(sql, names_.ddl_log(), names_.name + "_");
    if (!made) Say("without a log of schema changes: " + made.error().message);
  }

  void OnLost(const AuditCourse::Lost& lost) const {
    Say(fmt::format("{} ended early, and the others go on: {}", lost.auditor, lost.reason));
    for (const std::string& plugin : options_.Plugins()) {
      if (AuditorName(plugin) != lost.auditor) continue;
      auto removed = RemoveAuditorObjects(uri_, options_, names_.slot(plugin));
      if (!removed) Say(fmt::format("what it made is still there: {}", removed.error().message));
    }
  }

  Result<void> Judge(const AuditCourse& course) {
    report_.reason = course.reason();
    for (const AuditCourse::Lost& lost : course.lost()) lost_.emplace(lost.auditor, lost.reason);
    if (const auto& exit = course.command_exit()) {
      if (exit->signal == 0) report_.command_status = exit->status;
      if (*exit != ExitStatus{}) Say(fmt::format("the command {}", ToString(*exit)));
    }
    if (!course.blamed().empty()) {
      directory_->KeepLogs();
      const std::string tail = Tail(directory_->LogPath(course.blamed()), kTailLines);
      if (!tail.empty())
        std::cerr << "the end of " << course.blamed() << "'s log:\n"
                  << report::Paragraph(tail) << "\n";
      Say("logs are in " + directory_->KeptLogs());
    }
    if (course.error()) return std::unexpected(*course.error());
    return {};
  }

  std::optional<report::AuditResult> ReadResult(const std::string& plugin) const {
    std::ifstream file(ResultPath(plugin), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) return std::nullopt;
    auto result = report::ParseAuditResult(text);
    if (result) return std::move(*result);
    Say(result.error().message);
    return std::nullopt;
  }

  void ReadResults() {
    for (const std::string& plugin : options_.Plugins()) {
      report::AuditResult none{.id = AuditorName(plugin), .plugin = plugin, .reason = "no result"};
      report::AuditResult& result =
          report_.auditors.emplace_back(ReadResult(plugin).value_or(std::move(none)));
      const auto lost = lost_.find(result.id);
      if (lost == lost_.end()) continue;
      result.finished = false;
      // Where none is left, that is the audit's reason.
      if (report_.reason.empty()) result.reason = lost->second;
    }
  }

  // What was not shown yet.
  void ShowNews() {
    for (const std::string& plugin : options_.Plugins()) {
      const auto result = ReadResult(plugin);
      if (!result) continue;
      Shown& shown = shown_[plugin];
      for (; shown.differences < result->differences.size(); ++shown.differences) {
        Say(plugin + ": the replica is not what the source is:");
        std::cerr << report::AuditDifferenceText(result->differences[shown.differences])
                  << std::flush;
      }
      for (; shown.resyncs < result->resyncs.size(); ++shown.resyncs) {
        const report::AuditResync& resync = result->resyncs[shown.resyncs];
        if (!resync.copied_at.IsValid()) break;
        Say(fmt::format("{}: {}", plugin, report::AuditResyncText(resync)));
      }
    }
  }

  // `sql` is made anew when it was lost: the server may have been started again.
  void ShowProgress(Result<Connection>& sql) const {
    if (!sql || !sql->IsAlive()) sql = OpenOwn();
    const auto end = sql ? sql->ScalarLsn("SELECT pg_catalog.pg_current_wal_lsn()")
                         : Result<model::Lsn>(std::unexpected(sql.error()));
    std::string line;
    for (const std::string& plugin : options_.Plugins()) {
      const std::string id = AuditorName(plugin);
      if (!board_.HasHeardOf(id)) {
        line += fmt::format("; {} attaches", plugin);
        continue;
      }
      const std::uint64_t at = board_.Get(id, "end_lsn");
      line += fmt::format(
          "; {}: {} commits, {} changes, {} behind, {} tables compared {} times{}, {} differences",
          plugin, report::Grouped(board_.Get(id, "transactions")),
          report::Grouped(board_.Get(id, "changes")),
          !end ? "? (the server does not answer)"
               : report::ByteText(end->value > at ? end->value - at : 0),
          board_.Get(id, "tables"), board_.Get(id, "checkpoints"),
          board_.Get(id, "comparing") != 0 ? " and now" : "", board_.Get(id, "differences"));
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    Say(fmt::format("{:.0f} s{}", elapsed.count(), line));
  }

  const AuditOptions& options_;
  wire::StopSignal& stop_;
  report::AuditReport& report_;
  AuditNames names_;
  std::string uri_;
  RunDirectory* directory_ = nullptr;  // set by Run
  StatusBoard board_;
  std::map<std::string, std::string> lost_;  // auditors that ended early, and why
  struct Shown {
    std::size_t differences = 0;
    std::size_t resyncs = 0;
  };
  std::map<std::string, Shown> shown_;  // by plugin
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

model::ExitCode Audit(const AuditOptions& options, wire::StopSignal& stop) {
  const auto start = std::chrono::steady_clock::now();
  report::AuditReport report{.command = fmt::format("{}", fmt::join(options.command, " "))};
  if (auto done = Session(options, stop, report).Run(); !done) report.error = done.error();
  if (report.error && stop.Stopped() && IsOfTheStop(*report.error)) {
    Say(report.error->message);
    report.reason = "interrupted";
    report.error.reset();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.elapsed_s = elapsed.count();
  // What was found is found, whatever happened afterwards.
  if (report.error && VerdictOf(report) == model::VerdictKind::kDiverged) {
    Say(report.error->message);
    report.error.reset();
  }
  model::ExitCode code = ExitCodeOf(report);
  if (report.error) {
    Say(report.error->message);
  } else {
    std::cout << report::AuditSummaryText(report) << std::flush;
  }
  if (options.report.empty()) return code;
  if (auto done = report::WriteReport(options.report, report::AuditReportJson(report)); !done) {
    // Not twice: an unusable --report is why there was no audit.
    if (!report.error) Say(done.error().message);
    if (code == model::ExitCode::kConverged) code = model::ExitCode::kEnvironment;
  }
  return code;
}

}  // namespace lockstep::launcher
