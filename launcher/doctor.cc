#include "launcher/doctor.h"

#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/finding.h"
#include "postgres/preflight.h"
#include "postgres/table_preflight.h"
#include "report/shown_text.h"

namespace lockstep::launcher {
namespace {

using model::Fail;
using model::Result;
using postgres::Connection;
using postgres::Finding;
using postgres::FollowingPlugin;
using postgres::Severity;

// What the tables are looked at for: the plugins that can be used; all that are asked for where
// none can be tried.
std::vector<FollowingPlugin> CheckPlugins(const DoctorOptions& options, int server_version,
                                          std::optional<Connection> replication,
                                          Diagnosis& diagnosis) {
  std::vector<FollowingPlugin> following;
  for (const model::OutputPlugin& plugin : model::OutputPlugins()) {
    const std::string name(plugin.name);
    if (!options.plugin.empty() && options.plugin != name) continue;
    diagnosis.plugins.push_back({name});
    if (!replication) {
      following.push_back({name, {.server = server_version}});
      continue;
    }
    postgres::PluginCheck check = postgres::CheckPlugin(*replication, name);
    // One of several that the server need not have.
    if (!check.usable && options.plugin.empty()) check.finding.severity = Severity::kNote;
    diagnosis.plugins.back().usable = check.usable;
    diagnosis.of_plugins.push_back(std::move(check.finding));
    if (!check.usable) continue;
    if (model::LossesOf(name, check.version).Has(model::Loss::kMessage)) {
      diagnosis.of_plugins.push_back({.severity = Severity::kNote,
                                      .check = "messages",
                                      .text = std::string(Explain(model::Loss::kMessage)),
                                      .plugins = {name}});
    }
    following.push_back({name, check.version});
  }
  return following;
}

}  // namespace

Result<Diagnosis> Diagnose(const DoctorOptions& options) {
  Result<Connection> sql = Connection::Open(
      options.database, postgres::ConnectionKind::kSql,
      {.application_name = "lockstep doctor", .encoding = postgres::TextEncoding::kUtf8});
  if (!sql) return Fail("--database", sql.error());
  Result<std::string> version = sql->Scalar("SHOW server_version");
  if (!version) return std::unexpected(version.error());
  Diagnosis diagnosis{.database = sql->description(), .postgres_version = std::move(*version)};
  postgres::ServerCheck server = postgres::CheckServer(*sql, options.database, 1);
  diagnosis.server = std::move(server.findings);
  postgres::TablePreflightOptions tables{.schemas = options.schemas};
  tables.plugins =
      CheckPlugins(options, sql->server_version(), std::move(server.replication), diagnosis);
  Result<std::vector<Finding>> found = postgres::CheckTables(*sql, tables);
  if (!found) return std::unexpected(found.error());
  diagnosis.of_tables = std::move(*found);
  return diagnosis;
}

model::ExitCode Doctor(const DoctorOptions& options) {
  const Result<Diagnosis> diagnosis = Diagnose(options);
  if (diagnosis) {
    std::cout << (options.json ? DiagnosisJson(*diagnosis) : DiagnosisText(*diagnosis))
              << std::flush;
    return ExitCodeOf(*diagnosis);
  }
  std::cerr << "lockstep: " << report::Paragraph(diagnosis.error().message) << std::endl;
  if (options.json) std::cout << DiagnosisJson(diagnosis.error()) << std::flush;
  return model::ExitCodeOf(diagnosis.error());
}

}  // namespace lockstep::launcher
