// What a check of a server or a table found: a line of `doctor`.
#ifndef LOCKSTEP_POSTGRES_FINDING_H_
#define LOCKSTEP_POSTGRES_FINDING_H_

#include <string>
#include <string_view>
#include <vector>

namespace lockstep::postgres {

enum class Severity {
  kOk,
  kNote,     // good to know
  kWarning,  // works, but less well
  kLoss,     // data would be lost, or not be followed
  kError,    // does not work
};

// "ok", "note", "warning", "loss", "error".
std::string_view ToString(Severity severity);

// The subject of a finding that is about the server or the database as a whole.
inline constexpr std::string_view kServer = "server";

struct Finding {
  Severity severity = Severity::kOk;
  std::string check;               // a short name: "wal_level", "identity"
  std::string text;                // what was found
  std::string remedy = {};         // where it is not good: what to do, as SQL where that does it
  std::string subject = "server";  // kServer, schema, schema.table or schema.table.column, quoted
                                   // where needed
  // The output plugins (model::OutputPlugins) that it is about; empty: whatever is followed with.
  std::vector<std::string> plugins = {};

  friend bool operator==(const Finding&, const Finding&) = default;
};

// Whether something does not work.
bool HasError(const std::vector<Finding>& findings);
// Whether it keeps a plugin from following everything: a loss or an error that is about it.
bool Hinders(const Finding& finding, std::string_view plugin);
// The text and the remedy behind it, for one line.
std::string WithRemedy(const Finding& finding);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_FINDING_H_
