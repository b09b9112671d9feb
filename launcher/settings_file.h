// The file that --config names: one `name = value` a line.
//
//   # comment
//   seed = 7
//   database = "postgresql://app@db/shop"      quotes are optional
#ifndef LOCKSTEP_LAUNCHER_SETTINGS_FILE_H_
#define LOCKSTEP_LAUNCHER_SETTINGS_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace lockstep::launcher {

struct Setting {
  std::string name;
  std::string value;
  std::string where;  // "run.conf:3", for messages
  friend bool operator==(const Setting&, const Setting&) = default;
};

// kUsage, naming file and line, for a line of another form and for a name given twice. `path` is
// for messages.
model::Result<std::vector<Setting>> ParseSettings(std::string_view text, const std::string& path);

// kUsage when the file cannot be read, and as ParseSettings.
model::Result<std::vector<Setting>> ReadSettings(const std::string& path);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SETTINGS_FILE_H_
