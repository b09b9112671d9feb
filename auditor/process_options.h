// What an auditor is started with.
#ifndef LOCKSTEP_AUDITOR_PROCESS_OPTIONS_H_
#define LOCKSTEP_AUDITOR_PROCESS_OPTIONS_H_

#include <chrono>
#include <optional>
#include <string>

#include "auditor/schedule.h"
#include "model/sabotage_kind.h"

namespace lockstep::auditor {

struct ProcessOptions {
  std::string id;               // "audit-pgoutput"
  std::string status_endpoint;  // of the launcher; empty: none
  std::string conninfo;
  std::string plugin;
  std::string slot;  // its temporary ones get "_check" behind it
  // Whose tables are audited: patterns, as postgres::TableScope::Matching; empty: all.
  std::string schemas;
  std::string tables;
  std::string excluded;
  // The user's own, for pgoutput: nothing but what it sends is audited, and none is made. Empty:
  // the auditor makes publications.
  std::string publication;
  std::string result_path;  // report::AuditResultJson, written anew after each comparison
  Interval checkpoint{.time = std::chrono::seconds(10)};
  // Schemas of logs that the audit makes or has made (model/log_schemas.h); empty: none. Triggers
  // that write to the first are made where the plugin does not send TRUNCATE.
  std::string truncation_log;
  std::string ddl_log;
  std::optional<model::SabotageKind> sabotage;
  // See consumer::ConsumerOptions. The comparison at the end has as long.
  int attach_timeout_s = 300;
  int copy_connections = 4;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_PROCESS_OPTIONS_H_
