// What `lockstep doctor` found, for people and as JSON. Pure.
#ifndef LOCKSTEP_LAUNCHER_DIAGNOSIS_H_
#define LOCKSTEP_LAUNCHER_DIAGNOSIS_H_

#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/finding.h"

namespace lockstep::launcher {

struct DiagnosedPlugin {
  std::string name;
  // False: the server does not have it, or does not allow it; or it could not be tried.
  bool usable = false;
  friend bool operator==(const DiagnosedPlugin&, const DiagnosedPlugin&) = default;
};

struct Diagnosis {
  std::string database;  // where, without a password
  std::string postgres_version;
  std::vector<DiagnosedPlugin> plugins;
  std::vector<postgres::Finding> server;
  std::vector<postgres::Finding> of_plugins;
  std::vector<postgres::Finding> of_tables;
};

// Whether this plugin can be used and nothing would be lost with it.
bool FollowsEverything(const Diagnosis& diagnosis, const DiagnosedPlugin& plugin);

// kConverged when a plugin follows everything, else kUsage.
model::ExitCode ExitCodeOf(const Diagnosis& diagnosis);

// A table: one finding a line, what to do below it; at the end one line a plugin.
std::string DiagnosisText(const Diagnosis& diagnosis);

// One object, indented, with a newline at its end. Its fields are a contract: see
// docs/operations.md.
std::string DiagnosisJson(const Diagnosis& diagnosis);
// The same when there was nothing to diagnose: {"error", "exit_code"}.
std::string DiagnosisJson(const model::Error& error);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_DIAGNOSIS_H_
