// `lockstep audit` as its user starts it, with its real auditors:
//
//   Audit({"--plugin=all"}, {"psql", "-c", "..."}).End()
#ifndef LOCKSTEP_TESTS_INTEGRATION_AUDIT_RUN_H_
#define LOCKSTEP_TESTS_INTEGRATION_AUDIT_RUN_H_

#include <sys/types.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launcher/process.h"
#include "tests/integration/footprint.h"

namespace lockstep::integration {

struct AuditEnded {
  int exit_code = 0;   // negative: of the signal that ended it
  std::string output;  // what it and the command printed
  nlohmann::json report;

  // Of the table: "equal", "different", "excluded"; "" when the report does not have it.
  std::string Status(const std::string& table) const;
  std::string Reason(const std::string& table) const;
};

class AuditRun {
 public:
  // `arguments` of `lockstep audit`; `command` stands behind "--", where it is not empty.
  // `directory`: for report and output; exists, and is new to every run.
  AuditRun(std::vector<std::string> arguments, const std::vector<std::string>& command,
           std::string directory);

  void Signal(int number) { launcher_.Signal(number); }
  std::string output() const;
  // Of the auditors that run now.
  std::vector<pid_t> Auditors() const;
  // All of them, of which there must be so many.
  void Freeze(std::size_t count);
  void Thaw();
  // Expects that nothing is left behind on the machine but logs that it tells of.
  AuditEnded End();

 private:
  std::string directory_;
  Footprint footprint_;
  launcher::Process launcher_;
  std::vector<pid_t> frozen_;
};

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_AUDIT_RUN_H_
